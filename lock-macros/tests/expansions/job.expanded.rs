async fn report(day: u32) {
    let mut request = ::lock_runtime::__private::Request::ambient(
        ::core::concat!(::core::module_path!(), "::report"),
        "report:<day>",
    );
    request.ttl(::core::time::Duration::from_millis(600000));
    request.min_hold(::core::time::Duration::from_millis(30000));
    request
        .key({
            let mut key = ::lock_runtime::__private::Key::new();
            key.literal("report:");
            key.value("day", &day);
            key
        });
    let or_else = move |error| skip(error);
    let slot = &::lock_runtime::__private::Slot::new();
    #[allow(clippy::async_yields_async)]
    let body = async move {
        #[allow(unreachable_code)]
        if false {
            let value: () = loop {};
            return value;
        }
        let _ = &day;
        write(day).await;
    };
    let body = ::core::pin::pin!(::core::option::Option::Some(body));
    ::lock_runtime::__private::run(request, slot, body)
        .await
        .settle(|output| ::lock_runtime::__private::Probe(output).is_failure(), or_else)
}
