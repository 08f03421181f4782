async fn place(
    user_id: u64,
    #[cfg(feature = "trace")]
    trace: Trace,
    #[cfg(feature = "audit")]
    _audit: Audit,
) -> Result<(), LockError> {
    let mut request = ::lock_runtime::__private::Request::ambient(
        ::core::concat!(::core::module_path!(), "::place"),
        "order:<user_id>",
    );
    request.ttl(::core::time::Duration::from_millis(10000));
    request
        .key({
            let mut key = ::lock_runtime::__private::Key::new();
            key.literal("order:");
            key.value("user_id", &user_id);
            key
        });
    let slot = &::lock_runtime::__private::Slot::new();
    let body = async move {
        #[allow(unreachable_code)]
        if false {
            let value: Result<(), LockError> = loop {};
            return value;
        }
        let _ = &user_id;
        #[cfg(feature = "trace")]
        let _ = &trace;
        #[cfg(feature = "audit")]
        #[allow(clippy::used_underscore_binding)]
        let _ = &_audit;
        #[cfg(feature = "trace")] trace.note("placing");
        charge(user_id).await
    };
    let body = ::core::pin::pin!(::core::option::Option::Some(body));
    ::lock_runtime::__private::run(request, slot, body)
        .await
        .settle(
            |output| ::lock_runtime::__private::Probe(output).is_failure(),
            |error| ::lock_runtime::__private::report(error),
        )
}
