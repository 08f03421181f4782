//! Where a server is, read from its URL.

use redis::{ConnectionAddr, IntoConnectionInfo};

use crate::Result;

/// Host and port of the server at `url`.
pub(crate) fn address(url: &str) -> Result<(String, u16)> {
    match url.into_connection_info()?.addr() {
        ConnectionAddr::Tcp(host, port) => Ok((host.clone(), *port)),
        _ => Err("the stories need a server at redis://host:port, without TLS".into()),
    }
}

/// `url` with another host and port: the user, the password and the database stay.
pub(crate) fn at_address(url: &str, address: &str) -> Result<String> {
    let (scheme, rest) = url.split_once("://").ok_or("REDIS_URL has no `://`")?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let user = authority.rfind('@').map_or("", |at| &authority[..=at]);
    Ok(format!("{scheme}://{user}{address}{path}"))
}

#[cfg(test)]
mod tests {
    use super::at_address;

    #[test]
    fn a_url_keeps_all_but_its_address() -> crate::Result<()> {
        let moved = |url| at_address(url, "127.0.0.1:1");
        assert_eq!(moved("redis://there:6379")?, "redis://127.0.0.1:1");
        assert_eq!(
            moved("redis://me:p%40ss@[::1]:6379/2?protocol=resp3")?,
            "redis://me:p%40ss@127.0.0.1:1/2?protocol=resp3"
        );
        Ok(())
    }
}
