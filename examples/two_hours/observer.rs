//! Looks at the key over a connection of its own while a scene is played.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use tokio::time::sleep;

use crate::Result;
use crate::stage::Stage;

const LOOK_EVERY: Duration = Duration::from_millis(2);

/// Plays `scene` and tells `stage` all the while what stands at `key`.
pub(crate) async fn watch<T>(
    mut connection: MultiplexedConnection,
    key: &str,
    stage: &Stage,
    scene: impl Future<Output = Result<T>>,
) -> Result<T> {
    let mut look = async || -> Result<()> {
        let found: Option<String> = redis::cmd("GET")
            .arg(key)
            .query_async(&mut connection)
            .await?;
        stage.saw(found);
        Ok(())
    };
    let looking = async {
        loop {
            look().await?;
            sleep(LOOK_EVERY).await;
        }
    };
    let outcome = tokio::select! {
        outcome = scene => outcome?,
        failed = looking => return failed,
    };
    look().await?;
    Ok(outcome)
}
