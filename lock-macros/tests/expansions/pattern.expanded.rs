async fn cancel(
    Path(id): Path<u64>,
    [first,
    ..,
    ]: [Item; 2],
    _: Session,
) -> Result<(), LockError> {
    let mut request = ::lock_runtime::__private::Request::ambient(
        ::core::concat!(::core::module_path!(), "::cancel"),
        "order:<id>:<first.line>",
    );
    request.ttl(::core::time::Duration::from_millis(10000));
    request
        .key({
            let mut key = ::lock_runtime::__private::Key::new();
            key.literal("order:");
            key.value("id", &id);
            key.literal(":");
            key.value("first.line", &first.line);
            key
        });
    let slot = &::lock_runtime::__private::Slot::new();
    let body = async move {
        #[allow(unreachable_code)]
        if false {
            let value: Result<(), LockError> = loop {};
            return value;
        }
        let _ = &id;
        let _ = &first;
        remove(id).await
    };
    let body = ::core::pin::pin!(::core::option::Option::Some(body));
    ::lock_runtime::__private::run(request, slot, body)
        .await
        .settle(
            |output| ::lock_runtime::__private::Probe(output).is_failure(),
            |error| ::lock_runtime::__private::report(error),
        )
}
