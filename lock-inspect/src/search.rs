//! Finding all locks of a server, in steps that hold up nobody.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use lock_runtime::KeyNames;
use redis::cmd;

use crate::arguments::Place;
use crate::leak::leak;
use crate::lock::Lock;
use crate::pattern::{Pattern, literally};
use crate::progress::Progress;
use crate::reading::read;
use crate::server::Server;
use crate::trouble::Trouble;

/// So many leaks of other programs are kept at least, whatever else they have at the server.
const LEAKS: usize = 1000;

/// Keys in one pipeline.
const AT_ONCE: usize = 500;

/// What was found at one look at the server.
#[derive(Debug, Default)]
pub(crate) struct Look {
    /// The pattern that was asked for, as it was given.
    pub(crate) matching: Option<String>,
    /// By key, without the prefix.
    pub(crate) locks: BTreeMap<Vec<u8>, Lock>,
    /// Keys of other programs beyond those that are kept.
    pub(crate) not_listed: u64,
    /// How many of these leak.
    pub(crate) leaks_not_listed: u64,
    pub(crate) took: Duration,
}

/// Everything under the prefix that is asked for and `wanted`; who watches it come gives a `progress`.
pub(crate) async fn look(
    server: &mut Server,
    place: &Place,
    asked: Option<&Pattern>,
    wanted: fn(&Lock) -> bool,
    mut progress: Option<Progress>,
) -> Result<Look, Trouble> {
    let names = KeyNames::new(&place.prefix);
    let glob = asked.map_or(b"*".as_slice(), Pattern::glob);
    let pattern = [&literally(names.prefix().as_bytes()), glob].concat();
    let begun = Instant::now();
    let mut look = Look {
        matching: asked.map(|pattern| pattern.words().to_owned()),
        ..Look::default()
    };
    let (mut foreign, mut leaking) = (0, 0);
    let mut cursor = b"0".to_vec();
    loop {
        let mut scan = cmd("SCAN");
        scan.arg(&cursor).arg("MATCH").arg(&pattern);
        scan.arg("COUNT").arg(place.step);
        let (next, found): (Vec<u8>, Vec<Vec<u8>>) = server.ask(&scan).await?;
        let is_new = |name: &Vec<u8>| {
            let key = names.key_of(name);
            key.is_some_and(|key| !look.locks.contains_key(key))
        };
        let found: Vec<Vec<u8>> = found.into_iter().filter(is_new).collect();
        for some in found.chunks(AT_ONCE) {
            for lock in read(server, &names, some).await? {
                if !wanted(&lock) {
                    continue;
                }
                if lock.owner().is_none() {
                    let leaks = leak(&lock).is_some();
                    let (kept, most) = if leaks {
                        (&mut leaking, place.foreign.max(LEAKS))
                    } else {
                        (&mut foreign, place.foreign)
                    };
                    if *kept == most {
                        look.not_listed += 1;
                        look.leaks_not_listed += u64::from(leaks);
                        continue;
                    }
                    *kept += 1;
                }
                look.locks.insert(lock.key.clone(), lock);
            }
        }
        if let Some(progress) = &mut progress {
            progress.step(place.step, look.locks.len());
        }
        if next == b"0" {
            break;
        }
        cursor = next;
    }
    look.took = begun.elapsed();
    Ok(look)
}
