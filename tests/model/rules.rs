//! The rules of the protocol, each of which the model can do without.

/// A rule that the client, its scripts or the guarded resource keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// A key found free after an unanswered SET does not mean that the SET will not land.
    FreeIsNotFinal,
    /// A deadline counts from the moment its command was sent, not from its answer.
    DeadlineFromSend,
    /// A release compares before it deletes.
    CompareBeforeDelete,
    /// A late body's lock counts as ours only if every SET of its token was answered.
    UnansweredSetUnsettles,
    /// A renewal without an answer moves no deadline.
    AmbiguousMovesNothing,
    /// The deadline of a lock that is found ours counts from the earliest SET that may have put it
    /// there, not from the last one.
    EarliestSetCounts,
    /// The old token found after an unanswered swap does not mean that the swap will not land.
    OldTokenIsNotFinal,
    /// The guard of who is handed a lock is armed before the swap is sent.
    GuardBeforeSwap,
    /// The deadline of a lock that was handed over counts from the swap's sending.
    SwapCountsFromSend,
    /// If more than one swap may have done it, from the earliest one's.
    EarliestSwapCounts,
    /// A lock is handed over only if every SET of its token was answered.
    SettledHandsOver,
    /// A body that ended late hands its lock over only if finding it ours would prove something.
    LateHandsOverIfMine,
    /// A lease that somebody else started counts from the last command of our own that the server
    /// answered with "not yours yet", not from the arrival of the news.
    NewsStartsNoLease,
    /// It counts so only for a token that has joined the line once, for news of an earlier turn may
    /// still come. Any other extends first.
    OneTurnAToken,
    /// A SET without an answer may have joined the line, and its token may have had a turn.
    UnheardTurn,
    /// A token that stands in line and is found at the key may have been passed it for a claim,
    /// whatever was sent before: it extends first.
    FoundIsExtended,
    /// What is passed on stays for a claim, not for a ttl, unless its receiver extends it.
    ClaimIsShort,
    /// Who gives up leaves the line.
    LeavesTheLine,
    /// Who joins the line with the release of another of its client is armed before that is sent.
    JoinerBeforePass,
    /// Each sending of such a release may have joined it: what deletes its token goes behind them all.
    JoinerBehindEveryPass,
    /// That such a release served who joined with it does not say that the lock was still the
    /// releaser's: the key may have been free.
    ServedProvesNothing,
    /// The script that finds its own token draws a fence all the same: it may have been passed on.
    FoundDrawsAfresh,
    /// A token that was passed to us shows of no SET that it has run.
    PassedSettlesNothing,
    /// The expiry comes with the SET, not in a command of its own.
    ExpiryWithSet,
    /// A release goes down every connection that carried a SET which may yet land.
    CadBehindSet,
    /// Who waits asks again by itself, whatever it was told.
    WaitersPoll,
    /// A fence is not below the server's time, so that it grows though the last one is forgotten.
    FenceFromTime,
    /// The resource checks the fence when it is read, not only when it is written.
    FenceCheckedOnRead,
}
