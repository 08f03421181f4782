impl Orders for Shop {
    fn place<'life0, 'life1, 'async_trait>(
        &'life0 self,
        user_id: u64,
        name: &'life1 str,
    ) -> ::core::pin::Pin<
        Box<
            dyn ::core::future::Future<
                Output = Result<u64, LockError>,
            > + ::core::marker::Send + 'async_trait,
        >,
    >
    where
        'life0: 'async_trait,
        'life1: 'async_trait,
        Self: 'async_trait,
    {
        ::std::boxed::Box::pin(async move {
            let mut request = ::lock_runtime::__private::Request::new(
                &(self.locks),
                ::core::concat!(::core::module_path!(), "::place"),
                "order:<user_id>:<self.id>",
            );
            request.ttl(::core::time::Duration::from_millis(10000));
            request
                .key({
                    let mut key = ::lock_runtime::__private::Key::new();
                    key.literal("order:");
                    key.value("user_id", &user_id);
                    key.literal(":");
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
                if let ::core::option::Option::Some(__ret) = ::core::option::Option::None::<
                    Result<u64, LockError>,
                > {
                    #[allow(unreachable_code)] return __ret;
                }
                let __self = self;
                #[allow(unused_variables)]
                let user_id = user_id;
                let __ret: Result<u64, LockError> = {
                    __self.charge(user_id, name).await
                };
                #[allow(unreachable_code)] __ret
            };
            let body = ::core::pin::pin!(::core::option::Option::Some(body));
            ::lock_runtime::__private::run(request, slot, body)
                .await
                .settle(
                    |output| ::lock_runtime::__private::Probe(output).is_failure(),
                    |error| ::lock_runtime::__private::report(error),
                )
        })
    }
}
