//! Small worlds that several files of tests look at.

/// One host, one sender that sends one message a minute, one zone; `MORE` stands for what a test adds.
pub fn world(run: &str, hosts: &str, more: &str) -> String {
    format!(
        r#"(
        title: "world",
        run: (replications: 1, {run}),
        zones: {{ "a.example": (mx: [(10, "mx.a.example")]) }},
        hosts: {{ {hosts} }},
        resolvers: {{ "isp": () }},
        senders: {{ "campus": (
            resolver: "isp", arrivals: Periodic(every: "1m", offset: "1s"), to: Weights({{"a.example": 1.0}}),
            retry: Custom(schedule: Constant("5m"), lifetime: "5d"),
        ) }},
        {more}
    )"#
    )
}

/// A client of a forwarder whose every question goes on to a resolver.
pub const FORWARDED: &str = r#"(
    title: "forwarded",
    run: (measure: "1h", drain: "1h", replications: 1),
    zones: { "a.example": (ttl: "10s", ns: ["ns.b.example"], mx: [(10, "mx.a.example")]), "b.example": () },
    servers: { "ns.b.example": () },
    hosts: { "mx.a.example": () },
    resolvers: { "isp": (), "home": (upstream: ["isp"]) },
    clients: { "user": (resolver: "home", asks: [("a.example", MX)], arrivals: Periodic(every: "30s", offset: "1s")) },
)"#;
