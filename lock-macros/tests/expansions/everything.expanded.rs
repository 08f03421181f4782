/// Books a seat.
#[must_use]
pub(crate) async fn book<S>(show: &Show, seat: S) -> Booking
where
    S: Seat + Clone,
{
    let mut request = crate::lock_runtime::__private::Request::new(
        &(show.locks),
        ::core::concat!(::core::module_path!(), "::book"),
        "{show:<show.id>}:<row>:<number>",
    );
    request.ttl(TTL);
    request.wait(::core::time::Duration::from_millis(1500));
    request.longest_hold(::core::time::Duration::from_millis(7200000));
    request.min_hold(TTL / 2);
    request.finish_when_lost();
    request.fence();
    request
        .key(
            match (&(seat.row()), &(seat.number())) {
                (with_row, with_number) => {
                    let mut key = crate::lock_runtime::__private::Key::new();
                    key.literal("{show:");
                    key.value("show.id", &show.id);
                    key.literal("}:");
                    key.value("row", with_row);
                    key.literal(":");
                    key.value("number", with_number);
                    key
                }
            },
        );
    let or_else = {
        #[allow(clippy::shadow_reuse)]
        let seat = ::core::clone::Clone::clone(&seat);
        crate::lock_runtime::__private::or_else(move |error| Booking::refused(
            seat,
            error,
        ))
    };
    let slot = &crate::lock_runtime::__private::Slot::new();
    #[allow(clippy::async_yields_async)]
    let body = async move {
        #[allow(unreachable_code)]
        if false {
            let value: Booking = loop {};
            return value;
        }
        let _ = &show;
        let _ = &seat;
        let lock: &crate::lock_runtime::LockGuard = slot.guard();
        book_under(show, seat, lock.token()).await
    };
    let body = ::core::pin::pin!(::core::option::Option::Some(body));
    crate::lock_runtime::__private::run(request, slot, body)
        .await
        .settle(
            |output| crate::lock_runtime::__private::Probe(output).is_failure(),
            or_else,
        )
}
