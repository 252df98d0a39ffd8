//! What the server can be told to do wrong. Everything else about it is as it should be.

/// One misbehaviour, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Behaviour {
    /// All is well, with privacy on.
    Good,

    // What a gate has to catch.
    /// One of the services is not there.
    ServiceMissing,
    /// No policy event.
    PolicyMissing,
    /// The policy event comes as the fifth.
    PolicyLate,
    /// No status event.
    StatusMissing,
    /// The usage event comes behind the final one.
    UsageAfterFinal,
    /// No usage event.
    UsageMissing,
    /// No final event.
    FinalMissing,
    /// Two events share an id.
    IdsRepeat,
    /// An id is left out.
    IdsSkip,
    /// Ids are words.
    IdsNoNumbers,
    /// A resumed stream starts over.
    ResumeFromStart,
    /// A resumed stream leaves out an event.
    ResumeSkips,
    /// A resumed stream sends the last event again.
    ResumeRepeats,
    /// No policy header.
    HeaderMissing,
    /// The policy header is no JSON.
    HeaderNotJson,
    /// Privacy is on, and neither header nor event has its keys.
    PrivacyKeysMissing,
    /// What is retrieved is not what was stored.
    MemoryOther,
    /// The status has no `node_statistics`.
    StatisticsMissing,
    /// No quantum backend: nothing wrong.
    QuantumAbsent,
    /// Agents without a token.
    AgentsOpen,
    /// No agents, token or not.
    AgentsClosed,
    /// Agents without an orchestrator.
    OrchestratorMissing,
    /// An outbound call that should be denied goes out.
    OutboundAllowed,
    /// Event lines that mean nothing.
    EventsMalformed,

    // What goes wrong before there is anything to judge.
    /// Nobody listens at the port.
    Refuse,
    /// Takes the request and says nothing.
    HangBeforeHeaders,
    /// Says half of its body, and no more.
    HangInBody,
    /// Sends events, one every while, and no end of the stream.
    HangBetweenEvents,
    /// A byte a second.
    Drip,
    /// Events without an end.
    Endless,
    /// One event whose data has no end.
    EndlessEvent,
    /// A body that never ends, without a length.
    EndlessBody,
    /// Says 10 GiB, and sends them.
    TenGibibytes,
    /// A first line that is no HTTP.
    StatusLineMalformed,
    /// Headers without an end.
    HeaderFlood,
    /// A body that is not UTF-8.
    NotUtf8,
    /// Sends everyone there; `PORT` stands for its own, `TARGET` for the path and query that were asked for.
    Redirect(String),
    /// Sends everyone in a circle.
    RedirectLoop,
    /// Ends the connection in the middle of a body.
    CutInBody,
    /// Ends the connection in the middle of an event stream.
    CutInStream,
    /// Sends the request back in its body and in a header.
    Echo,
    /// Answers with that status and an empty body.
    Status(u16),
}
