//! The service in tonic.

use std::net::Ipv4Addr;
use std::sync::Arc;

use lock_runtime::distributed_lock;
use lock_runtime::web::tower::LockScopeLayer;
use tokio::net::TcpListener;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Server};
use tonic::{Request, Response, Status};

use crate::failing;
use crate::messages::{Asked, Told};
use crate::orders::orders_client::OrdersClient;
use crate::orders::orders_server::{Orders, OrdersServer};
use crate::world::World;

/// The service.
#[derive(Debug)]
pub struct Shop {
    world: Arc<World>,
}

#[tonic::async_trait]
impl Orders for Shop {
    #[distributed_lock(
        key = "order:<asked.id>:<asked.item>",
        ttl = 10,
        guard = lock,
        with(asked = request.get_ref()),
    )]
    async fn place(&self, request: Request<Asked>) -> Result<Response<Told>, Status> {
        let key = lock.key().to_owned();
        Ok(Response::new(Told { key }))
    }

    #[distributed_lock(
        key = "held:<id>",
        ttl = 60,
        wait = 60,
        with(id = request.get_ref().id),
        client = self.world.locks,
    )]
    async fn hold(&self, request: Request<Asked>) -> Result<Response<Told>, Status> {
        self.world.until_open().await;
        Ok(Response::new(Told::default()))
    }

    async fn fail(&self, request: Request<Asked>) -> Result<Response<Told>, Status> {
        let key = failing::fail(&self.world, &request.get_ref().id).await?;
        Ok(Response::new(Told { key }))
    }
}

/// Serves, and gives a client.
///
/// # Panics
///
/// If there is no free port.
pub async fn start(world: Arc<World>) -> OrdersClient<Channel> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
    let listener = listener.expect("a free port");
    let port = listener.local_addr().expect("its number").port();
    let server = Server::builder()
        .layer(LockScopeLayer::new(world.locks.clone()))
        .add_service(OrdersServer::new(Shop { world }))
        .serve_with_incoming(TcpIncoming::from(listener));
    tokio::spawn(server);
    let client = OrdersClient::connect(format!("http://127.0.0.1:{port}")).await;
    client.expect("the service listens")
}
