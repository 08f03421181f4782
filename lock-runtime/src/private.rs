//! What generated code calls. Not part of the public interface: it may change in any release.

use std::fmt::Display;
use std::ops::Deref;
use std::pin::Pin;
use std::time::Duration;

pub use crate::run::{Outcome, Slot};

use crate::client::LockClient;
use crate::error::LockError;
use crate::installed;
use crate::observe::Name;
use crate::options::{OnLost, ReleaseMode};
use crate::request::LockRequest;
use crate::run::Asked;

/// A call being put together. Mistakes are kept until it runs, so that generated code has no
/// branches.
#[derive(Debug)]
pub struct Request(Box<Asked>);

impl Request {
    /// With the client in scope, else the installed one.
    #[must_use]
    pub fn ambient(function: &'static str, template: &'static str) -> Self {
        let name = Name {
            function,
            template: Some(template),
        };
        let client = installed::find(function);
        Self(Box::new(Asked {
            name,
            request: client.map(|client| client.lock("").named(name)),
        }))
    }

    /// With the client that the attribute names.
    #[must_use]
    pub fn new(client: &LockClient, function: &'static str, template: &'static str) -> Self {
        let name = Name {
            function,
            template: Some(template),
        };
        Self(Box::new(Asked {
            name,
            request: Ok(client.lock("").named(name)),
        }))
    }

    fn change(&mut self, change: impl FnOnce(&mut LockRequest)) {
        if let Ok(request) = &mut self.0.request {
            change(request);
        }
    }

    /// `ttl = ..`
    pub fn ttl(&mut self, ttl: Duration) {
        self.change(|request| request.options.ttl = ttl);
    }

    /// `wait = ..`
    pub fn wait(&mut self, wait: Duration) {
        self.change(|request| request.options.wait = wait);
    }

    /// `renew`
    pub fn renew(&mut self) {
        self.longest_hold(crate::options::DEFAULT_LONGEST_HOLD);
    }

    /// `renew = ..`
    pub fn longest_hold(&mut self, hold: Duration) {
        self.change(|request| request.options.renew = Some(hold));
    }

    /// `min_hold = ..`
    pub fn min_hold(&mut self, min_hold: Duration) {
        self.change(|request| request.options.min_hold = min_hold);
    }

    /// `on_lost = "finish"`
    pub fn finish_when_lost(&mut self) {
        self.change(|request| request.options.on_lost = OnLost::Finish);
    }

    /// `release = "answered"`
    pub fn release_answered(&mut self) {
        self.change(|request| request.options.release = Some(ReleaseMode::Answered));
    }

    /// `release = "background"`
    pub fn release_in_background(&mut self) {
        self.change(|request| request.options.release = Some(ReleaseMode::Background));
    }

    /// `fence`
    pub fn fence(&mut self) {
        self.change(|request| request.options.fence = true);
    }

    /// `key = ..`
    pub fn key(&mut self, key: Key) {
        match key.0.finish() {
            Ok(key) => self.change(|request| request.set_key(key)),
            Err(error) if self.0.request.is_ok() => self.0.request = Err(error),
            Err(_) => {}
        }
    }
}

/// A key being rendered.
#[derive(Debug, Default)]
pub struct Key(crate::key::Key);

impl Key {
    /// An empty key.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A part of the template, as it is.
    pub fn literal(&mut self, text: &'static str) {
        self.0.literal(text);
    }

    /// The value of the placeholder `name`.
    pub fn value<V: KeyValue + ?Sized>(&mut self, name: &'static str, value: &V) {
        self.0.value(name, &value.shown());
    }
}

/// A value that can stand in a lock key.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be used in a lock key",
    label = "does not implement `Display`",
    note = "a placeholder takes any type that implements `std::fmt::Display`, such as numbers, `bool`, `String` and \
            `Uuid`; `KeyValue` is nothing that you implement",
    note = "name a part of the value, such as `<order.id>`, bind one with `with(name = ..)`, bound a type parameter by \
            it (`T: std::fmt::Display`), or implement it where `{Self}` is a type of your own"
)]
pub trait KeyValue {
    /// How it prints.
    fn shown(&self) -> impl Display;
}

#[diagnostic::do_not_recommend]
impl<T: Display + ?Sized> KeyValue for T {
    fn shown(&self) -> impl Display {
        self
    }
}

/// A return type that can tell of a failed lock.
#[diagnostic::on_unimplemented(
    message = "a failed lock cannot be reported from a function returning `{Self}`: return \
               `Result<_, E>` where `E: From<LockError>`, or add `or_else`",
    label = "cannot tell of a failed lock"
)]
pub trait FromLockError {
    /// The failure as the function returns it.
    fn from_lock_error(error: LockError) -> Self;
}

#[diagnostic::do_not_recommend]
impl<T, E: From<LockError>> FromLockError for Result<T, E> {
    fn from_lock_error(error: LockError) -> Self {
        Err(error.into())
    }
}

/// What a function without `or_else` returns for a failed lock.
#[must_use]
pub fn report<R: FromLockError>(error: LockError) -> R {
    R::from_lock_error(error)
}

/// Gives a closure after `or_else` the type of its parameter.
pub fn or_else<R, F: FnOnce(LockError) -> R>(handler: F) -> F {
    handler
}

/// Tells whether an output is the body's own failure: by a method for `Result`, else by that of
/// [`NotAResult`], to which every other type dereferences.
#[derive(Debug)]
pub struct Probe<'a, T>(pub &'a T);

impl<T, E> Probe<'_, Result<T, E>> {
    /// Whether it is an `Err`.
    #[must_use]
    pub const fn is_failure(&self) -> bool {
        self.0.is_err()
    }
}

impl<T> Deref for Probe<'_, T> {
    type Target = NotAResult;

    fn deref(&self) -> &NotAResult {
        &NotAResult
    }
}

/// What cannot say that it is a failure.
#[derive(Debug)]
pub struct NotAResult;

impl NotAResult {
    /// Never.
    #[must_use]
    pub const fn is_failure(&self) -> bool {
        false
    }
}

/// Runs the body under the lock.
pub async fn run<F: Future>(
    request: Request,
    slot: &Slot,
    body: Pin<&mut Option<F>>,
) -> Outcome<F::Output> {
    crate::run::run(request.0, slot, body).await
}
