//! A server as it was before Redis 7.0: `SET … NX GET` is an error of syntax.

use crate::{Fault, Proxy, Server};

/// Relays to a server of today, and spoils every SET by one word more, so that the server itself
/// answers as an old one would to a SET with GET.
///
/// # Panics
///
/// As [`Proxy::start`].
pub async fn old_server(server: &Server) -> Proxy {
    let proxy = Proxy::start(server.port()).await;
    proxy.always("SET", Fault::Spoil);
    proxy
}
