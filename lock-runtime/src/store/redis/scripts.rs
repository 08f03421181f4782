//! The Lua scripts. The token travels as ARGV, never as a key.

use std::sync::LazyLock;

use redis::Cmd;

/// The number of keys.
const COUNT_BYTES: usize = 1;

/// A command with room for so many words more, of so many bytes in all.
pub(super) fn command(name: &str, words: usize, bytes: usize) -> Cmd {
    let mut command = Cmd::with_capacity(words + 1, name.len() + bytes);
    command.arg(name);
    command
}

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
    let bytes = keys.iter().chain(args).map(|word| word.len());
    let bytes = script.len() + COUNT_BYTES + bytes.sum::<usize>();
    let mut command = command(name, 2 + keys.len() + args.len(), bytes);
    command.arg(script).arg(keys.len()).arg(keys).arg(args);
    command
}

/// `fenced()` gives the last fencing token of the key, if there is one, and `draw(last)` a greater one:
/// `max(last + 1, the server's time in µs)` grows also after the last one was lost. It is kept for 24 h, so
/// that memory stays bounded. Either may give an error in its second place.
///
/// Numbers are written by `%.0f`: Lua's own way of printing keeps 14 digits.
macro_rules! draw {
    () => {
        "local function fenced()\n\
         local last = redis.pcall('GET', KEYS[2])\n\
         if not last then return nil end\n\
         if type(last) == 'table' and not string.find(last.err or '', 'WRONGTYPE', 1, true) then return nil, last end\n\
         if type(last) == 'table' or #last > 16 or not string.find(last, '^%d+$') then\n\
         return nil, redis.error_reply('FENCE no number')\n\
         end\n\
         return last\n\
         end\n\
         local function draw(last)\n\
         local now = redis.call('TIME')\n\
         local fence = math.max(tonumber(last or 0) + 1, now[1] * 1000000 + now[2])\n\
         if fence >= 9007199254740992 then return nil, redis.error_reply('FENCE used up') end\n\
         fence = string.format('%.0f', fence)\n\
         redis.call('SET', KEYS[2], fence, 'PX', 86400000)\n\
         return fence\n\
         end\n"
    };
}

/// The fencing token for a token that stands at the key already, in `ours`, or is to be put there.
macro_rules! fence {
    () => {
        concat!(
            draw!(),
            "local fence, wrong = fenced()\n\
             if not wrong and not (ours and fence) then fence, wrong = draw(fence) end\n\
             if wrong then return wrong end\n"
        )
    };
}

/// `in_line(key)` gives how many stand in a line: none in one that is not there, or not to be read.
macro_rules! in_line {
    () => {
        "local function in_line(key)\n\
         local count = key and redis.pcall('ZCARD', key)\n\
         return type(count) == 'number' and count or 0\n\
         end\n"
    };
}

/// `stand(entry, left)` puts an entry at the end of the line KEYS[n] unless it stands there, and sees to it
/// that the line is kept for ARGV[m] ms: 1 joined now, 0 stood there, -1 there is no line to be had, or none
/// that this user could leave. Where somebody was just taken out of the line that is known, and its ttl is
/// looked at now and then: those who stand in it look, too. A set sorted by number, so that joining twice
/// changes nothing and leaving is quick.
macro_rules! stand {
    ($line:literal, $limit:literal) => {
        concat!(
            "local function stand(entry, left)\n\
             local last = redis.pcall('ZRANGE', ",
            $line,
            ", -1, -1, 'WITHSCORES')\n\
             if last.err or not left and type(redis.pcall('ZREM', ",
            $line,
            ", '')) == 'table' then return -1 end\n\
             local number = (tonumber(last[2]) or 0) + 1\n\
             local joined = redis.pcall('ZADD', ",
            $line,
            ", 'NX', number, entry)\n\
             if type(joined) == 'table' then return -1 end\n\
             if left and number % 16 ~= 1 then return joined end\n\
             local kept = redis.pcall('PTTL', ",
            $line,
            ")\n\
             if type(kept) == 'number' and kept < tonumber(",
            $limit,
            ") then redis.pcall('PEXPIRE', ",
            $line,
            ", ",
            $limit,
            ") end\n\
             return joined\n\
             end\n"
        )
    };
}

/// `first(line)` gives the entry that stands first in a line, if any.
macro_rules! first {
    () => {
        "local function first(line)\n\
         return redis.pcall('ZRANGE', line, 0, 0)[1]\n\
         end\n"
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
        fence!(),
        "if ours then return {0, fence} end\n\
         redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])\n\
         return {1, fence}"
    ))
});

/// Compares with the old token and puts the new one in its place: 0 no such key, -1 another value, or
/// 1 (swapped) or 2 (the new one was there already) and how many stand in line.
pub(super) static SWAP: LazyLock<Script> = LazyLock::new(|| {
    Script::new(concat!(
        found!(),
        in_line!(),
        "if held == ARGV[2] then return {2, in_line(KEYS[2])} end\n\
         if held ~= ARGV[1] then return -1 end\n\
         redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])\n\
         return {1, in_line(KEYS[2])}"
    ))
});

/// The same, and draws the new holder's fencing token: answers 1 (swapped) or 0 (the new one was there
/// already), the fence, and how many stand in line.
pub(super) static SWAP_FENCED: LazyLock<Script> = LazyLock::new(|| {
    Script::new(concat!(
        found!(),
        in_line!(),
        "local ours = held == ARGV[2]\n\
         if not ours and held ~= ARGV[1] then return -1 end\n",
        fence!(),
        "if ours then return {0, fence, in_line(KEYS[3])} end\n\
         redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])\n\
         return {1, fence, in_line(KEYS[3])}"
    ))
});

/// What a head asks of a key that it does not hold, where `take` says what else is to be done for it: it
/// stands in line then, and is told what is there, for how long, whether it joined now, and whether it is
/// the first.
macro_rules! join {
    ($line:literal, $take:expr) => {
        concat!(
            stand!($line, "ARGV[4]"),
            first!(),
            "local held = redis.pcall('GET', KEYS[1])\n\
             local other = type(held) == 'table'\n\
             if other and not string.find(held.err or '', 'WRONGTYPE', 1, true) then return held end\n\
             local ours = held == ARGV[1]\n\
             if not held or ours then\n",
            $take,
            "redis.pcall('ZREM', ",
            $line,
            ", ARGV[3])\n\
             return {ours and 0 or 1, fence}\n\
             end\n\
             local joined = stand(ARGV[3])\n\
             return {2, other and 0 or held, redis.call('PTTL', KEYS[1]), joined, first(",
            $line,
            ") == ARGV[3] and 1 or 0}"
        )
    };
}

/// Takes a key that is free, extends it where it holds our token, which somebody may have passed on to
/// us, and joins its line where it holds another.
pub(super) static JOIN: LazyLock<Script> = LazyLock::new(|| {
    Script::new(join!(
        "KEYS[2]",
        "local fence\n\
         if ours then redis.call('PEXPIRE', KEYS[1], ARGV[2])\n\
         else redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) end\n"
    ))
});

/// The same with a fencing token: a fresh one in either case, for whoever passes a lock on draws none.
pub(super) static JOIN_FENCED: LazyLock<Script> = LazyLock::new(|| {
    Script::new(join!(
        "KEYS[3]",
        concat!(
            draw!(),
            "local last, wrong = fenced()\n\
             local fence\n\
             if not wrong then fence, wrong = draw(last) end\n\
             if wrong then return wrong end\n\
             redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])\n"
        )
    ))
});

/// Compares, and gives the key to the first in line who can be told, or deletes it: 1 deleted, 2 given
/// away, 0 no such key (the first in line was given it all the same), -1 another value, -2 not deleted.
/// The number alone where nobody joins, leaves or stands in line, which costs the server the least. Else
/// with that whether the one to join joined now (1), stood there (0), or neither (-1), whether it is the
/// first, whether the lock is its own, and whether somebody else stands in line.
///
/// A head leaves the line before it is given the key, and is told after that: it may act at once, and
/// whoever finds it in line later may rely on that it was not served before. It is told last, because
/// Redis 7 writes first to whom it has something to say last. Who cannot be told is gone; not more than 128 of them at once, for a server does nothing else meanwhile.
pub(super) static PASS: LazyLock<Script> = LazyLock::new(|| {
    Script::new(concat!(
        "local line, leaving, joining = KEYS[2], ARGV[2] or '', ARGV[3] or ''\n\
         local held = redis.pcall('GET', KEYS[1])\n\
         if held == ARGV[1] and leaving == '' and joining == '' then\n\
         local others = line and redis.pcall('ZCARD', line) or 0\n\
         if others == 0 then return redis.call('DEL', KEYS[1]) == 1 and 1 or -2 end\n\
         end\n",
        stand!("KEYS[2]", "ARGV[4]"),
        first!(),
        "\
         local code = -1\n\
         if not held then code = 0\n\
         elseif held == ARGV[1] then code = 1\n\
         elseif type(held) == 'table' and not string.find(held.err or '', 'WRONGTYPE', 1, true) then return held end\n\
         local joined, served, put, told, known, empty, after = -1, 0, false, false, false, false, nil\n\
         if line and leaving ~= '' then redis.pcall('ZREM', line, leaving) end\n\
         local function tell(entry, words)\n\
         local length, rest = string.match(entry, '^%d+:(%d+):(.*)$')\n\
         if not length or length == '0' then return 1 end\n\
         local address, token = string.sub(rest, 1, length), string.sub(rest, length + 1)\n\
         return redis.pcall('PUBLISH', address, words .. ' ' .. token)\n\
         end\n\
         for _ = 1, (line and code >= 0) and 128 or 0 do\n\
         local two = redis.pcall('ZRANGE', line, 0, 1)\n\
         local entry = two[1]\n\
         after, known, empty = two[2], true, not entry\n\
         if empty then break end\n\
         known = type(redis.pcall('ZREM', line, entry)) == 'number'\n\
         if not known then break end\n\
         local claim, length, rest = string.match(entry, '^([1-9]%d*):(%d+):(.*)$')\n\
         if claim and #claim < 10 then\n\
         if redis.pcall('SET', KEYS[1], string.sub(rest, length + 1), 'PX', claim).err then break end\n\
         put = true\n\
         if after and after ~= joining then tell(after, 'next ' .. claim) end\n\
         local heard = 1\n\
         if entry == joining then served = 1 else heard = tell(entry, 'turn') end\n\
         if type(heard) == 'table' then break end\n\
         told = heard > 0\n\
         if told then break end\n\
         end\n\
         end\n\
         if line and joining ~= '' and served == 0 then\n\
         if empty then\n\
         local claim, length, rest = string.match(joining, '^(%d+):(%d+):(.*)$')\n\
         local set = redis.pcall('SET', KEYS[1], string.sub(rest, length + 1), 'PX', claim)\n\
         if not set.err then served, told = 1, true end\n\
         else\n\
         joined = stand(joining, told)\n\
         if joined >= 0 and known and not after then after = joining end\n\
         end\n\
         end\n\
         if told then\n\
         if code == 1 then code = 2 end\n\
         elseif code == 1 or put then\n\
         if redis.call('DEL', KEYS[1]) == 0 and code == 1 then code = -2 end\n\
         end\n\
         if line and not known then after = first(line) end\n\
         local own = joined >= 0 and after == joining\n\
         return {code, joined, own and 1 or 0, served, after and not own and 1 or 0}"
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
