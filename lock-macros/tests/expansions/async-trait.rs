impl Orders for Shop {
    // As `#[async_trait]` hands it over: its attribute is expanded before the methods' own.
    #[distributed_lock(key = "order:<user_id>:<self.id>", ttl = 10, client = self.locks)]
    fn place<'life0, 'life1, 'async_trait>(
        &'life0 self,
        user_id: u64,
        name: &'life1 str,
    ) -> ::core::pin::Pin<
        Box<dyn ::core::future::Future<Output = Result<u64, LockError>> + ::core::marker::Send + 'async_trait>,
    >
    where
        'life0: 'async_trait,
        'life1: 'async_trait,
        Self: 'async_trait,
    {
        Box::pin(async move {
            if let ::core::option::Option::Some(__ret) =
                ::core::option::Option::None::<Result<u64, LockError>>
            {
                #[allow(unreachable_code)]
                return __ret;
            }
            let __self = self;
            let user_id = user_id;
            let __ret: Result<u64, LockError> = { __self.charge(user_id, name).await };
            #[allow(unreachable_code)]
            __ret
        })
    }
}
