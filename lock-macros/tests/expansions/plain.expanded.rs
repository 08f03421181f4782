async fn place_order(user_id: u64, cart: Cart) -> Result<Receipt, OrderError> {
    let mut request = ::lock_runtime::__private::Request::ambient(
        ::core::concat!(::core::module_path!(), "::place_order"),
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
            let value: Result<Receipt, OrderError> = loop {};
            return value;
        }
        let _ = &user_id;
        let _ = &cart;
        let receipt = charge(user_id, cart).await?;
        Ok(receipt)
    };
    let body = ::core::pin::pin!(::core::option::Option::Some(body));
    ::lock_runtime::__private::run(request, slot, body)
        .await
        .settle(
            |output| ::lock_runtime::__private::Probe(output).is_failure(),
            |error| ::lock_runtime::__private::report(error),
        )
}
