async fn report(month: u32) -> Result<Report, LockError> {
    let mut request = ::lock_runtime::__private::Request::ambient(
        ::core::concat!(::core::module_path!(), "::report"),
        "report:<month>",
    );
    request.ttl(::core::time::Duration::from_millis(30000));
    request.renew();
    request.finish_when_lost();
    request
        .key({
            let mut key = ::lock_runtime::__private::Key::new();
            key.literal("report:");
            key.value("month", &month);
            key
        });
    let slot = &::lock_runtime::__private::Slot::new();
    let body = async move {
        #[allow(unreachable_code)]
        if false {
            let value: Result<Report, LockError> = loop {};
            return value;
        }
        let _ = &month;
        let lock: &::lock_runtime::LockGuard = slot.guard();
        let report = compile(month).await;
        lock.check().await?;
        Ok(report)
    };
    let body = ::core::pin::pin!(::core::option::Option::Some(body));
    ::lock_runtime::__private::run(request, slot, body)
        .await
        .settle(
            |output| ::lock_runtime::__private::Probe(output).is_failure(),
            |error| ::lock_runtime::__private::report(error),
        )
}
