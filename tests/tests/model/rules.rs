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
    /// A lease that somebody else started counts from the last command of our own that the server
    /// answered with "not yours yet", not from the arrival of the news.
    NewsStartsNoLease,
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
