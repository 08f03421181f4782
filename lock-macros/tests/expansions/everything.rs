/// Books a seat.
#[distributed_lock(
    key = "{show:<show.id>}:<row>:<number>",
    ttl = TTL,
    wait = "1500ms",
    renew = "2h",
    min_hold = TTL / 2,
    on_lost = "finish",
    with(row = seat.row(), number = seat.number()),
    fence,
    guard = lock,
    or_else = |error| Booking::refused(seat, error),
    client = show.locks,
    crate = crate::lock_runtime,
)]
#[must_use]
pub(crate) async fn book<S>(show: &Show, seat: S) -> Booking
where
    S: Seat + Clone,
{
    book_under(show, seat, lock.token()).await
}
