//! The client's scripts, recognised by their text and carried out by what they mean.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Script {
    Acquire,
    AcquireFenced,
    Release,
    Extend,
    Swap,
    SwapFenced,
}

/// What each text must say; one that says something else is not understood.
const MEANINGS: [(Script, &[&str], &[&str]); 6] = [
    (
        Script::AcquireFenced,
        &[
            "if held and held ~= ARGV[1] then return held end",
            "redis.call('TIME')",
            "math.max(tonumber(last or 0) + 1, now[1] * 1000000 + now[2])",
            "redis.call('SET', KEYS[2], fence, 'PX', 86400000)",
            "redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])",
        ],
        &["DEL", "ARGV[3]"],
    ),
    (
        Script::SwapFenced,
        &[
            "if not held then return 0 end",
            "local ours = held == ARGV[2]",
            "if not ours and held ~= ARGV[1] then return -1 end",
            "redis.call('TIME')",
            "math.max(tonumber(last or 0) + 1, now[1] * 1000000 + now[2])",
            "redis.call('SET', KEYS[2], fence, 'PX', 86400000)",
            "redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])",
        ],
        &["DEL"],
    ),
    (
        Script::Swap,
        &[
            "if not held then return 0 end",
            "if held == ARGV[2] then return 2 end",
            "if held ~= ARGV[1] then return -1 end",
            "redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])",
        ],
        &["DEL", "TIME"],
    ),
    (
        Script::Acquire,
        &[
            "if held then return held end",
            "redis.call('SETNX', KEYS[1], ARGV[1])",
            "redis.call('PEXPIRE', KEYS[1], ARGV[2])",
        ],
        &["DEL", "TIME"],
    ),
    (
        Script::Release,
        &[
            "if not held then return 0 end",
            "if held ~= ARGV[1] then return -1 end",
            "if redis.call('DEL', KEYS[1]) == 1 then return 1 end",
        ],
        &["PEXPIRE", "SET"],
    ),
    (
        Script::Extend,
        &[
            "if held ~= ARGV[1] then return 0 end",
            "return redis.call('PEXPIRE', KEYS[1], ARGV[2])",
        ],
        &["DEL", "SET"],
    ),
];

impl Script {
    pub(crate) fn read(text: &str) -> Option<Self> {
        let found = MEANINGS.iter().find(|(_, wanted, unwanted)| {
            wanted.iter().all(|line| text.contains(line))
                && !unwanted.iter().any(|word| text.contains(word))
        });
        found.map(|(script, ..)| *script)
    }
}
