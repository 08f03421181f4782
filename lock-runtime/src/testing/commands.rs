//! The commands of a store, sent over a connection of the double.

use std::time::Duration;

use tokio::time::sleep;

use super::fault::Command;
use super::session::{Session, Work};
use crate::options::AcquireForm;
use crate::store::{
    Fenced, Head, Joined, LockSession, Passed, Release, StoreFuture, Stored, Swapped,
};
use crate::token::LockToken;

impl LockSession for Session {
    fn acquire<'a>(
        &'a self,
        key: &'a str,
        token: &'a LockToken,
        ttl: Duration,
        form: AcquireForm,
    ) -> StoreFuture<'a, Option<Stored>> {
        let (own, token) = (key.to_owned(), token.clone());
        let work: Work<_> = Box::new(move |network| {
            let (key, token) = (own.clone(), token.clone());
            Box::pin(async move {
                let found = network.memory.acquire(&key, &token, ttl, form).await?;
                if found.is_none() {
                    network.done(Command::Acquire, &key);
                }
                Ok(found)
            })
        });
        Box::pin(self.send(Command::Acquire, key, work))
    }

    fn acquire_fenced<'a>(
        &'a self,
        key: &'a str,
        fence_key: &'a str,
        token: &'a LockToken,
        ttl: Duration,
    ) -> StoreFuture<'a, Fenced> {
        let (own, beside, token) = (key.to_owned(), fence_key.to_owned(), token.clone());
        let work: Work<_> = Box::new(move |network| {
            let (key, beside, token) = (own.clone(), beside.clone(), token.clone());
            Box::pin(async move {
                let memory = &network.memory;
                let found = memory.acquire_fenced(&key, &beside, &token, ttl).await?;
                if matches!(found, Fenced::Granted(_)) {
                    network.done(Command::Acquire, &key);
                }
                Ok(found)
            })
        });
        Box::pin(self.send(Command::Acquire, key, work))
    }

    fn join<'a>(
        &'a self,
        key: &'a str,
        line: &'a str,
        fence_key: Option<&'a str>,
        head: &'a Head,
        ttl: Duration,
        limit: Duration,
    ) -> StoreFuture<'a, Joined> {
        let (own, line) = (key.to_owned(), line.to_owned());
        let (beside, head) = (fence_key.map(str::to_owned), head.clone());
        let work: Work<_> = Box::new(move |network| {
            let (key, line) = (own.clone(), line.clone());
            let (beside, head) = (beside.clone(), head.clone());
            Box::pin(async move {
                let (memory, beside) = (&network.memory, beside.as_deref());
                let joined = memory.join(&key, &line, beside, &head, ttl, limit);
                let joined = joined.await?;
                if matches!(joined, Joined::Granted(_)) {
                    network.done(Command::Acquire, &key);
                }
                Ok(joined)
            })
        });
        Box::pin(self.send(Command::Acquire, key, work))
    }

    fn release<'a>(
        &'a self,
        key: &'a str,
        line: Option<&'a str>,
        token: &'a LockToken,
    ) -> StoreFuture<'a, Passed> {
        let (own, line, token) = (key.to_owned(), line.map(str::to_owned), token.clone());
        let work: Work<_> = Box::new(move |network| {
            let (key, line, token) = (own.clone(), line.clone(), token.clone());
            Box::pin(async move {
                let passed = network.memory.release(&key, line.as_deref(), &token);
                let passed = passed.await?;
                network.released(passed.release, &key);
                Ok(passed)
            })
        });
        Box::pin(self.send(Command::Release, key, work))
    }

    fn pass<'a>(
        &'a self,
        key: &'a str,
        line: &'a str,
        token: &'a LockToken,
        leaving: Option<&'a Head>,
        joining: Option<&'a Head>,
        limit: Duration,
    ) -> StoreFuture<'a, Passed> {
        let (own, line, token) = (key.to_owned(), line.to_owned(), token.clone());
        let (leaving, joining) = (leaving.cloned(), joining.cloned());
        let work: Work<_> = Box::new(move |network| {
            let (key, line, token) = (own.clone(), line.clone(), token.clone());
            let (leaving, joining) = (leaving.clone(), joining.clone());
            Box::pin(async move {
                let memory = &network.memory;
                let (leaving, joining) = (leaving.as_ref(), joining.as_ref());
                let passed = memory.pass(&key, &line, &token, leaving, joining, limit);
                let passed = passed.await?;
                network.released(passed.release, &key);
                Ok(passed)
            })
        });
        Box::pin(self.send(Command::Release, key, work))
    }

    fn swap<'a>(
        &'a self,
        key: &'a str,
        line: Option<&'a str>,
        old: &'a LockToken,
        new: &'a LockToken,
        ttl: Duration,
    ) -> StoreFuture<'a, Swapped> {
        let (own, line) = (key.to_owned(), line.map(str::to_owned));
        let (old, new) = (old.clone(), new.clone());
        let work: Work<_> = Box::new(move |network| {
            let (key, line) = (own.clone(), line.clone());
            let (old, new) = (old.clone(), new.clone());
            Box::pin(async move {
                let memory = &network.memory;
                let swapped = memory.swap(&key, line.as_deref(), &old, &new, ttl).await?;
                network.swapped(swapped.swap, &key);
                Ok(swapped)
            })
        });
        Box::pin(self.send(Command::HandOver, key, work))
    }

    fn swap_fenced<'a>(
        &'a self,
        key: &'a str,
        line: Option<&'a str>,
        fence_key: &'a str,
        old: &'a LockToken,
        new: &'a LockToken,
        ttl: Duration,
    ) -> StoreFuture<'a, Swapped> {
        let (own, line, beside) = (
            key.to_owned(),
            line.map(str::to_owned),
            fence_key.to_owned(),
        );
        let (old, new) = (old.clone(), new.clone());
        let work: Work<_> = Box::new(move |network| {
            let (key, line, beside) = (own.clone(), line.clone(), beside.clone());
            let (old, new) = (old.clone(), new.clone());
            Box::pin(async move {
                let (memory, line) = (&network.memory, line.as_deref());
                let swapped = memory.swap_fenced(&key, line, &beside, &old, &new, ttl);
                let swapped = swapped.await?;
                network.swapped(swapped.swap, &key);
                Ok(swapped)
            })
        });
        Box::pin(self.send(Command::HandOver, key, work))
    }

    fn extend<'a>(
        &'a self,
        key: &'a str,
        token: &'a LockToken,
        ttl: Duration,
    ) -> StoreFuture<'a, bool> {
        let (own, token) = (key.to_owned(), token.clone());
        let work: Work<_> = Box::new(move |network| {
            let (key, token) = (own.clone(), token.clone());
            Box::pin(async move { network.memory.extend(&key, &token, ttl).await })
        });
        Box::pin(self.send(Command::Extend, key, work))
    }

    fn shorten<'a>(
        &'a self,
        key: &'a str,
        token: &'a LockToken,
        left: Duration,
    ) -> StoreFuture<'a, Release> {
        let (own, token) = (key.to_owned(), token.clone());
        let work: Work<_> = Box::new(move |network| {
            let (key, token) = (own.clone(), token.clone());
            Box::pin(async move {
                let release = network.memory.shorten(&key, &token, left).await?;
                network.released(release, &key);
                Ok(release)
            })
        });
        Box::pin(self.send(Command::Release, key, work))
    }

    fn inspect<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<(Stored, Option<Duration>)>> {
        let own = key.to_owned();
        let work: Work<_> = Box::new(move |network| {
            let key = own.clone();
            Box::pin(async move { network.memory.inspect(&key).await })
        });
        Box::pin(self.send(Command::Inspect, key, work))
    }

    fn replicated(&self, replicas: u32, limit: Duration) -> StoreFuture<'_, u32> {
        let work: Work<_> = Box::new(move |network| {
            Box::pin(async move {
                let replicated = network.state().replicas(replicas);
                if replicated < replicas {
                    sleep(limit).await;
                }
                Ok(replicated)
            })
        });
        Box::pin(self.send_for(limit, Command::Acknowledge, "", work))
    }

    fn is_open(&self) -> bool {
        self.is_up()
    }
}
