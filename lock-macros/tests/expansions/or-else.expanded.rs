async fn nightly(job: Job) -> Skipped {
    let mut request = ::lock_runtime::__private::Request::ambient(
        ::core::concat!(::core::module_path!(), "::nightly"),
        "job:<day>",
    );
    request.ttl(::core::time::Duration::from_millis(30000));
    request
        .key(
            match (&(job.day()),) {
                (with_day,) => {
                    let mut key = ::lock_runtime::__private::Key::new();
                    key.literal("job:");
                    key.value("day", with_day);
                    key
                }
            },
        );
    let or_else = {
        #[allow(clippy::shadow_reuse)]
        let job = ::core::clone::Clone::clone(&job);
        ::lock_runtime::__private::or_else(move |error| Skipped::because(
            &job.name,
            error,
        ))
    };
    let slot = &::lock_runtime::__private::Slot::new();
    #[allow(clippy::async_yields_async)]
    let body = async move {
        #[allow(unreachable_code)]
        if false {
            let value: Skipped = loop {};
            return value;
        }
        let _ = &job;
        job.run().await
    };
    let body = ::core::pin::pin!(::core::option::Option::Some(body));
    ::lock_runtime::__private::run(request, slot, body)
        .await
        .settle(|output| ::lock_runtime::__private::Probe(output).is_failure(), or_else)
}
