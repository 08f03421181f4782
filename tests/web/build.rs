//! The gRPC service, written without a compiler for its language.

use tonic_build::manual::{Builder, Method, Service};

fn main() {
    let method = |name: &str, route: &str| {
        Method::builder()
            .name(name)
            .route_name(route)
            .input_type("crate::messages::Asked")
            .output_type("crate::messages::Told")
            .codec_path("tonic_prost::ProstCodec")
            .build()
    };
    let orders = Service::builder()
        .name("Orders")
        .package("orders")
        .method(method("place", "Place"))
        .method(method("hold", "Hold"))
        .method(method("fail", "Fail"))
        .build();
    Builder::new().compile(&[orders]);
}
