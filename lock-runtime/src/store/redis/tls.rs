//! Encrypted connections, by rustls.

use redis::{Client, ConnectionAddr, ConnectionInfo, TlsCertificates};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::error::LockError;

/// A client that, where its URL asks for encryption, trusts the system's authorities or the one
/// whose certificate is given.
pub(super) fn client(
    info: ConnectionInfo,
    root_certificate: Option<&[u8]>,
) -> Result<Client, LockError> {
    if !matches!(info.addr(), ConnectionAddr::TcpTls { .. }) {
        if root_certificate.is_some() {
            return Err(LockError::options(
                "a root certificate is given but the connection would not be encrypted; write `rediss://`",
            ));
        }
        return Client::open(info).map_err(|_| LockError::options("the Redis URL cannot be used"));
    }
    // rustls panics in a process that has several providers of cryptography and has chosen none.
    if CryptoProvider::get_default().is_none() {
        // Somebody else may choose in the same moment, which is as good.
        let _ = ring::default_provider().install_default();
    }
    let unreadable = || LockError::options("the root certificate cannot be read; give it in PEM");
    if let Some(pem) = root_certificate {
        // The redis crate takes a text without any certificate for one that adds none.
        let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        if !read.is_ok_and(|certificates| !certificates.is_empty()) {
            return Err(unreadable());
        }
    }
    let certificates = TlsCertificates {
        client_tls: None,
        root_cert: root_certificate.map(<[u8]>::to_vec),
    };
    Client::build_with_tls(info, certificates).map_err(|_| unreadable())
}
