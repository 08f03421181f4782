//! What stands below the options of a command's help.

use crate::pattern;
use crate::renewal::RULE;

/// The fields of what `json` makes; the README says the same.
const FIELDS: &str = "\
--json, one object (`watch`: one a line), and GET /locks.json of `serve`. Times are in
milliseconds, text is escaped as in the table, and null is what is not known or not there.
  prefix                what the keys begin with on the server
  matching              the pattern that was asked for
  locks                 those that were found, by key
  locks[].key           without the prefix, as `show` and `release` take it
  locks[].held_by       who holds it, see below
  locks[].age_ms        since its holder asked for it; null: not of this library
  locks[].remaining_ms  until it expires; null: never
  locks[].renewing      no, yes, late, not yet, or - where that cannot be said
  locks[].leak          why it is one; null: it is none
  locks[].token         the value at the key, for `release`; none if that is no string
  locks[].value_begins  instead of it, of a value that is longer than any token
  foreign_not_listed    keys of other programs beyond --foreign
  leaks_not_listed      how many of these leak
/locks.json, which has no token and no value_begins, has as well:
  server                its address, without user and password
  took_ms               how long the look took
  every_ms              the time between two looks
  error                 alone, with status 503: why there is no list
held_by:
  kind                  ours, or foreign, which has nothing but this and:
  words                 who it is, in words
  function              what was locked, by its name
  host, pid             where it runs
  taken_ms              when it asked, by its own clock, since the Unix epoch
  ttl_ms                the lock's ttl
  longest_hold_ms       how long it may be renewed; 0: it is not
show --json:
  key                   as it was asked for
  lock                  as one of `locks`; null: it is free
  fence                 the last fencing token that was drawn, as text
  waiting_clients       how many clients stand in line
  line                  the first hundred of them, each as held_by";

pub(crate) fn list() -> String {
    let exits = "Exits with 0 also if there are leaks among them: see `leaks`.";
    [RULE, pattern::RULE, exits].join("\n\n")
}

pub(crate) fn watch() -> String {
    let exits = "\
Ends by Ctrl-C or SIGTERM, and while it paints on a terminal also by Ctrl-\\ or SIGHUP, with
0; or after --times looks: with 0 also if there are leaks, and with the exit code of what
was in the way if the last look failed. One that failed before is told, and the next one
tried.";
    [RULE, pattern::RULE, exits].join("\n\n")
}

pub(crate) fn leaks() -> String {
    [pattern::RULE, "Exits with 1 if there are any."].join("\n\n")
}

pub(crate) fn show() -> String {
    "Exits with 1 if there is no such lock.".to_owned()
}

pub(crate) fn serve() -> String {
    RULE.to_owned()
}

/// With what is wanted seldom.
pub(crate) fn long(help: &str) -> String {
    [help, FIELDS].join("\n\n")
}
