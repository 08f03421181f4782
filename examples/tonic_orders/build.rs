//! The gRPC service, written without a compiler for its language.

use tonic_build::manual::{Builder, Method, Service};

fn main() {
    let method = |name: &str, route: &str, input: &str, output: &str| {
        Method::builder()
            .name(name)
            .route_name(route)
            .input_type(format!("crate::messages::{input}"))
            .output_type(format!("crate::messages::{output}"))
            .codec_path("tonic_prost::ProstCodec")
            .build()
    };
    let orders = Service::builder()
        .name("Orders")
        .package("orders")
        .method(method("place", "Place", "Order", "Placed"))
        .method(method("stock", "Stock", "Item", "Stock"))
        .build();
    Builder::new().compile(&[orders]);
}
