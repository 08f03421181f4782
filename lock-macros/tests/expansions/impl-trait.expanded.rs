async fn feed(name: impl Display) -> Result<impl Iterator<Item = Entry>, LockError> {
    let mut request = ::lock_runtime::__private::Request::ambient(
        ::core::concat!(::core::module_path!(), "::feed"),
        "feed:<name>",
    );
    request.ttl(::core::time::Duration::from_millis(10000));
    request
        .key({
            let mut key = ::lock_runtime::__private::Key::new();
            key.literal("feed:");
            key.value("name", &name);
            key
        });
    let slot = &::lock_runtime::__private::Slot::new();
    let body = async move {
        #[allow(unreachable_code)]
        if false {
            let value: Result<_, LockError> = loop {};
            return value;
        }
        let _ = &name;
        let entries = fetch(name).await;
        Ok(entries.into_iter())
    };
    let body = ::core::pin::pin!(::core::option::Option::Some(body));
    ::lock_runtime::__private::run(request, slot, body)
        .await
        .settle(
            |output| ::lock_runtime::__private::Probe(output).is_failure(),
            |error| ::lock_runtime::__private::report(error),
        )
}
