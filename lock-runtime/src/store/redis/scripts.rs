//! The Lua scripts. The token travels as ARGV, never as a key.

use std::sync::LazyLock;

use redis::{Cmd, cmd};

/// A script and the hash it is called by.
pub(super) struct Script {
    text: &'static str,
    hash: String,
}

impl Script {
    fn new(text: &'static str) -> Self {
        let hash = redis::Script::new(text).get_hash().to_owned();
        Self { text, hash }
    }

    pub(super) fn by_hash(&self, keys: &[&str], args: &[&str]) -> Cmd {
        call("EVALSHA", &self.hash, keys, args)
    }

    pub(super) fn by_text(&self, keys: &[&str], args: &[&str]) -> Cmd {
        call("EVAL", self.text, keys, args)
    }
}

fn call(name: &str, script: &str, keys: &[&str], args: &[&str]) -> Cmd {
    let mut command = cmd(name);
    command.arg(script).arg(keys.len()).arg(keys).arg(args);
    command
}

/// Draws a fencing token for the token in `ours`, or answers the one that it has already if it stands
/// at the key: `max(last + 1, the server's time in µs)` grows also after the last one was lost. It is kept
/// for 24 h, so that memory stays bounded.
///
/// Numbers are written by `%.0f`: Lua's own way of printing keeps 14 digits.
macro_rules! draw {
    () => {
        "local last = redis.pcall('GET', KEYS[2])\n\
         if last then\n\
         if type(last) == 'table' and not string.find(last.err or '', 'WRONGTYPE', 1, true) then return last end\n\
         if type(last) == 'table' or #last > 16 or not string.find(last, '^%d+$') then\n\
         return redis.error_reply('FENCE no number')\n\
         end\n\
         if ours then return {0, last} end\n\
         end\n\
         local now = redis.call('TIME')\n\
         local fence = math.max(tonumber(last or 0) + 1, now[1] * 1000000 + now[2])\n\
         if fence >= 9007199254740992 then return redis.error_reply('FENCE used up') end\n\
         fence = string.format('%.0f', fence)\n\
         redis.call('SET', KEYS[2], fence, 'PX', 86400000)\n\
         if ours then return {0, fence} end\n"
    };
}

/// What a script that compares finds first: 0 no such key, -1 a key of another type.
macro_rules! found {
    () => {
        "local held = redis.pcall('GET', KEYS[1])\n\
         if not held then return 0 end\n\
         if type(held) == 'table' then\n\
         if string.find(held.err or '', 'WRONGTYPE', 1, true) then return -1 end\n\
         return held\n\
         end\n"
    };
}

/// SETNX and PEXPIRE in one step; answers nil when stored, else what is there.
///
/// A script is not rolled back, so a user who may not set an expiry is stopped before SETNX: where
/// the server cannot be asked (before 7.0), by a PEXPIRE of the missing key. Not everywhere: after
/// a first write a server that is out of memory lets the others pass.
pub(super) static ACQUIRE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local held = redis.pcall('GET', KEYS[1])\n\
         if held then return held end\n\
         local may = redis.acl_check_cmd and redis.acl_check_cmd('PEXPIRE', KEYS[1], ARGV[2])\n\
         if not may then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end\n\
         redis.call('SETNX', KEYS[1], ARGV[1])\n\
         redis.call('PEXPIRE', KEYS[1], ARGV[2])\n\
         return false",
    )
});

/// Takes the lock and draws its fencing token in one step. Answers what is at the key if it is not
/// ours, else 1 (taken now) or 0 (ours before) and the fence.
pub(super) static ACQUIRE_FENCED: LazyLock<Script> = LazyLock::new(|| {
    Script::new(concat!(
        "local held = redis.pcall('GET', KEYS[1])\n\
         if held and held ~= ARGV[1] then return held end\n\
         local ours = held\n",
        draw!(),
        "redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])\n\
         return {1, fence}"
    ))
});

/// Compares with the old token and puts the new one in its place: 1 swapped, 2 the new one was there
/// already, 0 no such key, -1 another value.
pub(super) static SWAP: LazyLock<Script> = LazyLock::new(|| {
    Script::new(concat!(
        found!(),
        "if held == ARGV[2] then return 2 end\n\
         if held ~= ARGV[1] then return -1 end\n\
         redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])\n\
         return 1"
    ))
});

/// The same, and draws the new holder's fencing token: answers 1 (swapped) or 0 (the new one was there
/// already) and the fence.
pub(super) static SWAP_FENCED: LazyLock<Script> = LazyLock::new(|| {
    Script::new(concat!(
        found!(),
        "local ours = held == ARGV[2]\n\
         if not ours and held ~= ARGV[1] then return -1 end\n",
        draw!(),
        "redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])\n\
         return {1, fence}"
    ))
});

/// Compare-and-delete: 1 deleted, 0 no such key, -1 another value, -2 not deleted.
pub(super) static RELEASE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(concat!(
        found!(),
        "if held ~= ARGV[1] then return -1 end\n\
         if redis.call('DEL', KEYS[1]) == 1 then return 1 end\n\
         return -2"
    ))
});

/// Compare-and-pexpire: 1 extended, 0 not ours.
pub(super) static EXTEND: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local held = redis.pcall('GET', KEYS[1])\n\
         if type(held) == 'table' and not string.find(held.err or '', 'WRONGTYPE', 1, true) then\n\
         return held\n\
         end\n\
         if held ~= ARGV[1] then return 0 end\n\
         return redis.call('PEXPIRE', KEYS[1], ARGV[2])",
    )
});
