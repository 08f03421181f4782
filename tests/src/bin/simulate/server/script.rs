//! The client's scripts, recognised by their text.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Script {
    Acquire,
    AcquireFenced,
    Join,
    JoinFenced {
        /// Whether a token that stands at the key gets a fresh fence.
        afresh: bool,
    },
    Pass,
    Extend,
    Swap,
    SwapFenced,
}

/// What each text must say, and must not; one that says something else is not understood.
const MEANINGS: [(Script, &[&str], &[&str]); 9] = [
    (
        Script::Pass,
        &[
            "if not held then code = 0\n",
            "elseif held == ARGV[1] then code = 1\n",
            "if line and leaving ~= '' then redis.pcall('ZREM', line, leaving) end",
            "if line and joining ~= '' and served == 0 then\nif empty then\n",
            "if not set.err then served, told = 1, true end\nelse\njoined = stand(joining, told)\n",
            "return redis.pcall('PUBLISH', address, words .. ' ' .. token)",
            "for _ = 1, (line and code >= 0) and 128 or 0 do",
            "if held == ARGV[1] and leaving == '' and joining == '' then\nlocal others = line and redis.pcall('ZCARD', line) or 0\n",
            "if others == 0 then return redis.call('DEL', KEYS[1]) == 1 and 1 or -2 end",
            "after, known, empty = two[2], true, not entry\nif empty then break end\nknown = type(redis.pcall('ZREM', line, entry)) == 'number'\n",
            "if redis.pcall('SET', KEYS[1], string.sub(rest, length + 1), 'PX', claim).err then break end\nput = true\n",
            "if entry == joining then served = 1 else heard = tell(entry, 'turn') end",
            "if after and after ~= joining then tell(after, 'next ' .. claim) end",
            "elseif code == 1 or put then",
            "local own = joined >= 0 and after == joining\n",
            "return {code, joined, own and 1 or 0, served, after and not own and 1 or 0}",
        ],
        &["PEXPIRE', KEYS[1]", "TIME"],
    ),
    (
        Script::JoinFenced { afresh: true },
        &[
            JOINS,
            "if not wrong then fence, wrong = draw(last) end",
            DRAWS,
            KEEPS,
            "redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])",
        ],
        &["DEL"],
    ),
    (
        Script::JoinFenced { afresh: false },
        &[
            JOINS,
            "if not wrong and not (ours and last) then fence, wrong = draw(last) end",
            DRAWS,
            KEEPS,
            "redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])",
        ],
        &["DEL"],
    ),
    (
        Script::Join,
        &[
            JOINS,
            "if ours then redis.call('PEXPIRE', KEYS[1], ARGV[2])\n",
            "else redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) end",
        ],
        &["DEL", "TIME"],
    ),
    (
        Script::AcquireFenced,
        &[
            "if held and held ~= ARGV[1] then return held end",
            DRAWS,
            KEEPS,
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
            DRAWS,
            KEEPS,
            "if ours then return {0, fence, in_line(KEYS[3])} end",
            "redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])",
            "return {1, fence, in_line(KEYS[3])}",
        ],
        &["DEL"],
    ),
    (
        Script::Swap,
        &[
            "if not held then return 0 end",
            "if held == ARGV[2] then return {2, in_line(KEYS[2])} end",
            "if held ~= ARGV[1] then return -1 end",
            "redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])",
            "return {1, in_line(KEYS[2])}",
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
        Script::Extend,
        &[
            "if held ~= ARGV[1] then return 0 end",
            "return redis.call('PEXPIRE', KEYS[1], ARGV[2])",
        ],
        &["DEL", "SET"],
    ),
];

const JOINS: &str = "local joined = stand(ARGV[3])\nreturn {2, other and 0 or held, redis.call('PTTL', KEYS[1]), joined, first(";
const DRAWS: &str = "local fence = math.max(tonumber(last or 0) + 1, now[1] * 1000000 + now[2])";
const KEEPS: &str = "redis.call('SET', KEYS[2], fence, 'PX', 86400000)";

impl Script {
    pub(crate) fn read(text: &str) -> Option<Self> {
        let found = MEANINGS.iter().find(|(_, wanted, unwanted)| {
            wanted.iter().all(|line| text.contains(line))
                && !unwanted.iter().any(|word| text.contains(word))
        });
        found.map(|(script, ..)| *script)
    }
}
