async fn count(page: u32) -> Result<u64, LockError> {
    let mut request = ::lock_runtime::__private::Request::ambient(
        ::core::concat!(::core::module_path!(), "::count"),
        "visit:<page>",
    );
    request.ttl(::core::time::Duration::from_millis(10000));
    request.release_in_background();
    request
        .key({
            let mut key = ::lock_runtime::__private::Key::new();
            key.literal("visit:");
            key.value("page", &page);
            key
        });
    let slot = &::lock_runtime::__private::Slot::new();
    let body = async move {
        #[allow(unreachable_code)]
        if false {
            let value: Result<u64, LockError> = loop {};
            return value;
        }
        let _ = &page;
        next(page).await
    };
    let body = ::core::pin::pin!(::core::option::Option::Some(body));
    ::lock_runtime::__private::run(request, slot, body)
        .await
        .settle(
            |output| ::lock_runtime::__private::Probe(output).is_failure(),
            |error| ::lock_runtime::__private::report(error),
        )
}
async fn reset(page: u32) -> Result<(), LockError> {
    let mut request = ::lock_runtime::__private::Request::ambient(
        ::core::concat!(::core::module_path!(), "::reset"),
        "visit:<page>",
    );
    request.ttl(::core::time::Duration::from_millis(10000));
    request.release_answered();
    request
        .key({
            let mut key = ::lock_runtime::__private::Key::new();
            key.literal("visit:");
            key.value("page", &page);
            key
        });
    let slot = &::lock_runtime::__private::Slot::new();
    let body = async move {
        #[allow(unreachable_code)]
        if false {
            let value: Result<(), LockError> = loop {};
            return value;
        }
        let _ = &page;
        clear(page).await
    };
    let body = ::core::pin::pin!(::core::option::Option::Some(body));
    ::lock_runtime::__private::run(request, slot, body)
        .await
        .settle(
            |output| ::lock_runtime::__private::Probe(output).is_failure(),
            |error| ::lock_runtime::__private::report(error),
        )
}
