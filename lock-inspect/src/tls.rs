//! Encrypted connections, by rustls.

use std::path::Path;

use redis::{Client, ConnectionAddr, ConnectionInfo, TlsCertificates};
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::trouble::Trouble;

/// A client that trusts the system's authorities, or the one in the file.
pub(crate) fn client(info: ConnectionInfo, authority: Option<&Path>) -> Result<Client, Trouble> {
    let usage = |words: &str| Trouble::Usage(words.to_owned());
    if !matches!(info.addr(), ConnectionAddr::TcpTls { .. }) {
        if authority.is_some() {
            return Err(usage(
                "--root-certificate is given but the connection would not be encrypted; write rediss://",
            ));
        }
        return Client::open(info).map_err(|_| usage("the URL of the server cannot be used"));
    }
    // rustls panics where it has several providers of cryptography and none is chosen.
    let _ = ring::default_provider().install_default();
    let unreadable = || usage("the file of --root-certificate cannot be read; it must hold PEM");
    let root_cert = authority.map(std::fs::read).transpose();
    let root_cert = root_cert.map_err(|_| unreadable())?;
    if let Some(pem) = &root_cert {
        // The redis crate takes a text without any certificate for one that adds none.
        let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        if !read.is_ok_and(|certificates| !certificates.is_empty()) {
            return Err(unreadable());
        }
    }
    let certificates = TlsCertificates {
        client_tls: None,
        root_cert,
    };
    Client::build_with_tls(info, certificates).map_err(|_| unreadable())
}
