impl Shop {
    async fn restock(&self, count: u64) -> Result<u64, LockError> {
        let mut request = ::lock_runtime::__private::Request::new(
            &(self.locks),
            ::core::concat!(::core::module_path!(), "::restock"),
            "shop:<self.id>",
        );
        request.ttl(::core::time::Duration::from_millis(10000));
        request
            .key({
                let mut key = ::lock_runtime::__private::Key::new();
                key.literal("shop:");
                key.value("self.id", &self.id);
                key
            });
        let slot = &::lock_runtime::__private::Slot::new();
        let body = async move {
            #[allow(unreachable_code)]
            if false {
                let value: Result<u64, LockError> = loop {};
                return value;
            }
            let _ = &count;
            self.stock.add(count).await
        };
        let body = ::core::pin::pin!(::core::option::Option::Some(body));
        ::lock_runtime::__private::run(request, slot, body)
            .await
            .settle(
                |output| ::lock_runtime::__private::Probe(output).is_failure(),
                |error| ::lock_runtime::__private::report(error),
            )
    }
}
