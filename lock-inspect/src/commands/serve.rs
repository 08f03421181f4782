//! The list as a page.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;

use crate::arguments::Place;
use crate::page::{Watched, router};
use crate::server::Server;
use crate::signal::End;
use crate::trouble::{Ending, Trouble};

pub(crate) async fn serve(
    place: Place,
    listen: SocketAddr,
    every: Duration,
) -> Result<Ending, Trouble> {
    // A wrong address is told at once, and not to the browser alone.
    let server = Server::connect(&place).await?;
    let cannot = |error: io::Error| {
        Trouble::Usage(format!(
            "cannot listen at {listen} ({error}); choose another address or port with --listen"
        ))
    };
    let listener = TcpListener::bind(listen).await.map_err(cannot)?;
    let bound = listener.local_addr().map_err(cannot)?;
    let is_local = bound.ip().is_loopback();
    if !is_local {
        eprintln!("everybody who reaches {bound} can see keys and holders: there is no password");
    }
    // Whoever has read that it listens may end it.
    let mut end = End::of_program()?;
    let mut out = io::stdout();
    writeln!(out, "http://{bound}/ shows {}", server.address())?;
    out.flush()?;
    let router = router(Watched::new(place, server, every), is_local);
    // Connections that are kept open by a browser do not hold up the end.
    tokio::select! {
        () = end.told() => {}
        broken = axum::serve(listener, router).into_future() => broken?,
    }
    Ok(Ending::Fine)
}
