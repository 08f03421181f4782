//! The attribute of [`lock_runtime`](https://docs.rs/lock-runtime). Use it from there.

mod args;
mod bindings;
mod check;
mod duration;
mod errors;
mod expand;
mod function;
mod template;

use proc_macro::TokenStream;

/// Runs an async function only while this process holds a distributed lock.
#[proc_macro_attribute]
pub fn distributed_lock(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand::attribute(arguments.into(), item.into()).into()
}
