//! The Lua scripts. The token travels as ARGV, never as a key.

use std::sync::LazyLock;

/// A script and the hash it is called by.
pub(super) struct Script {
    pub(super) text: &'static str,
    pub(super) hash: String,
}

impl Script {
    fn new(text: &'static str) -> Self {
        let hash = redis::Script::new(text).get_hash().to_owned();
        Self { text, hash }
    }
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

/// Compare-and-delete: 1 deleted, 0 no such key, -1 another value, -2 not deleted.
pub(super) static RELEASE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local held = redis.pcall('GET', KEYS[1])\n\
         if not held then return 0 end\n\
         if type(held) == 'table' then\n\
         if string.find(held.err or '', 'WRONGTYPE', 1, true) then return -1 end\n\
         return held\n\
         end\n\
         if held ~= ARGV[1] then return -1 end\n\
         if redis.call('DEL', KEYS[1]) == 1 then return 1 end\n\
         return -2",
    )
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
