//! An encrypted connection, to a server whose certificate only a private authority vouches for.

use std::fs;
use std::time::Duration;

use lock_runtime::{LockClient, LockError};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tests::Server;

fn file(name: &str, content: &str) -> String {
    let path = format!("{}/{name}", env!("CARGO_TARGET_TMPDIR"));
    fs::write(&path, content).expect("the folder can be written");
    path
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new([]).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    CertifiedIssuer::self_signed(params, key).expect("signs itself")
}

#[tokio::test]
async fn a_certificate_is_verified_against_its_authority() {
    if !Server::speaks_tls() {
        println!("skipped: the server program was built without TLS");
        return;
    }
    let (ours, another) = (authority(), authority());
    let key = KeyPair::generate().expect("a key");
    let certificate = CertificateParams::new(["localhost".to_owned()])
        .expect("a name")
        .signed_by(&key, &ours)
        .expect("is signed");
    let port = Server::free_port();
    let server = Server::start(&[
        "--tls-port",
        &port.to_string(),
        "--tls-cert-file",
        &file("server.crt", &certificate.pem()),
        "--tls-key-file",
        &file("server.key", &key.serialize_pem()),
        "--tls-ca-cert-file",
        &file("authority.crt", &ours.pem()),
        "--tls-auth-clients",
        "no",
    ]);
    let url = format!("rediss://localhost:{port}");
    let builder = || LockClient::builder().connect_timeout(Duration::from_secs(2));

    let client = builder().root_certificate(ours.pem()).connect(&url).await;
    let client = client.expect("the certificate is sound");
    let guard = client.lock("a").acquire().await.expect("free");
    guard.release().await.expect("ours");

    for (url, builder) in [
        // Nobody vouches for it, somebody else does, it names another host.
        (url.clone(), builder()),
        (url.clone(), builder().root_certificate(another.pem())),
        (
            format!("rediss://127.0.0.1:{port}"),
            builder().root_certificate(ours.pem()),
        ),
        // Encrypted to a port that is not, and the other way round.
        (
            format!("rediss://localhost:{}", server.port()),
            builder().root_certificate(ours.pem()),
        ),
        (format!("redis://localhost:{port}"), builder()),
    ] {
        let error = builder.connect(&url).await.expect_err("must be refused");
        println!("{error}");
        assert!(matches!(error, LockError::Backend { .. }), "{error}");
        assert!(error.to_string().contains("TLS"), "{error}");
    }
    for (url, pem) in [
        (url, "no PEM".to_owned()),
        ("redis://localhost".to_owned(), ours.pem()),
    ] {
        let refused = builder().root_certificate(pem).connect(&url).await;
        let error = refused.expect_err("must be refused");
        assert!(matches!(error, LockError::InvalidOptions { .. }), "{error}");
    }
}
