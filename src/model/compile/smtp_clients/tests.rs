//! The tables of clients against what was measured and read.

use super::*;
use crate::scenario::tree::Stage;

/// What a system does at a stage.
fn then(system: ClientSystem, stage: Stage, failing: Failing) -> Then {
    client_rules(system).failures.at(stage, failing).0
}

#[test]
fn each_system_moves_on_where_its_source_does() {
    // The column "next MX on 4xx?" of the table of policies, and finding 6 of the measured runs.
    for (system, greeting, rcpt) in [
        (ClientSystem::Postfix, Then::NextHost, Then::NextHost),
        (ClientSystem::Exim, Then::NextHost, Then::NextHost),
        (ClientSystem::Sendmail, Then::NextHost, Then::NextHost),
        (ClientSystem::OpenSmtpd, Then::NextHost, Then::Defer),
        (ClientSystem::Qmail, Then::Defer, Then::Defer),
        (ClientSystem::Haraka, Then::Defer, Then::Defer),
        (ClientSystem::KumoMta, Then::NextHost, Then::Defer),
        (ClientSystem::Stalwart, Then::NextHost, Then::Defer),
        (ClientSystem::ZoneMta, Then::Defer, Then::Defer),
        (ClientSystem::Mox, Then::NextHost, Then::NextHost),
        (ClientSystem::Maddy, Then::Defer, Then::Defer),
        (ClientSystem::Chasquid, Then::NextHost, Then::NextHost),
    ] {
        assert_eq!(then(system, Connect, Silence), Then::NextHost, "{system:?}");
        assert_eq!(then(system, Greeting, Transient), greeting, "{system:?}");
        assert_eq!(then(system, Rcpt, Transient), rcpt, "{system:?}");
    }
}

#[test]
fn haraka_goes_on_when_a_connection_breaks_and_no_other_of_those_that_stay_with_it() {
    for stage in [Greeting, Ehlo, Mail, Rcpt, Data, EndOfData] {
        for failing in [Silence, Lost] {
            assert_eq!(then(ClientSystem::Haraka, stage, failing), Then::NextHost, "{stage:?}");
            for system in [ClientSystem::Maddy, ClientSystem::Qmail] {
                assert_eq!(then(system, stage, failing), Then::Defer, "{system:?} {stage:?}");
            }
            // ZoneMTA leaves a host that stays silent until the session stands.
            let leaves = failing == Silence && stage < Mail;
            let expected = if leaves { Then::NextHost } else { Then::Defer };
            assert_eq!(then(ClientSystem::ZoneMta, stage, failing), expected, "{stage:?}");
        }
    }
}

#[test]
fn r20_a_5yz_to_the_message_refuses_it_everywhere() {
    // RFC 5321 section 4.2.1: the client should not repeat the same sequence.
    for system in ClientSystem::ALL {
        for stage in [Mail, Rcpt, Data, EndOfData] {
            assert_eq!(then(system, stage, Permanent), Then::Bounce, "{system:?} {stage:?}");
        }
    }
}

#[test]
fn r22_time_outs_are_those_of_the_rfc_or_more_but_for_these() {
    // RFC 5321 section 4.5.3.2: greeting 5 min, MAIL 5, RCPT 5, DATA 2, block 3, end of data 10; as in the sources that
    // are named above. A second entry says how far below a system really is.
    let minima = [300, 300, 300, 120, 180, 600];
    let departs: &[(ClientSystem, [u64; 6])] = &[
        (ClientSystem::OpenSmtpd, [300, 300, 300, 300, 300, 300]),
        (ClientSystem::Haraka, [30, 30, 30, 30, 30, 30]),
        (ClientSystem::KumoMta, [60, 300, 300, 300, 300, 300]),
        (ClientSystem::ZoneMta, [120, 600, 600, 600, 600, 600]),
        (ClientSystem::Mox, [30, 30, 30, 30, 30, 30]),
        (ClientSystem::Maddy, [300, 300, 300, 300, 300, 300]),
    ];
    for system in ClientSystem::ALL {
        let rules = client_rules(system);
        let Timeouts { mail, rcpt, data, block, end_of_data, .. } = rules.timeouts;
        let spans = [rules.greeting_timeout, mail, rcpt, data, block, end_of_data].map(SimDuration::whole_seconds);
        match departs.iter().find(|(known, _)| *known == system) {
            Some((_, real)) => assert_eq!(spans, *real, "{system:?}"),
            None => assert!(spans.iter().zip(minima).all(|(span, least)| *span >= least), "{system:?} {spans:?}"),
        }
    }
}

#[test]
fn a_preset_of_retry_has_the_time_outs_of_its_client() {
    use crate::model::compile::presets;
    use crate::scenario::tree::{
        EximRetry, KumoMtaRetry, MaddyRetry, OpenSmtpdRetry, PostfixRetry, QmailRetry, Retry, SendmailRetry,
        StalwartRetry,
    };
    for (retry, system) in [
        (Retry::Postfix(PostfixRetry::default()), ClientSystem::Postfix),
        (Retry::Exim(EximRetry::default()), ClientSystem::Exim),
        (Retry::Sendmail(SendmailRetry::default()), ClientSystem::Sendmail),
        (Retry::Qmail(QmailRetry::default()), ClientSystem::Qmail),
        (Retry::OpenSmtpd(OpenSmtpdRetry::default()), ClientSystem::OpenSmtpd),
        (Retry::KumoMta(KumoMtaRetry::default()), ClientSystem::KumoMta),
        (Retry::Stalwart(StalwartRetry::default()), ClientSystem::Stalwart),
        (Retry::Maddy(MaddyRetry::default()), ClientSystem::Maddy),
    ] {
        let (own, of_client) = (presets::with_parameters(&retry, None), client_rules(system));
        assert_eq!(
            (own.timeouts, own.greeting_timeout),
            (of_client.timeouts, of_client.greeting_timeout),
            "{system:?}"
        );
    }
}

#[test]
fn exim_blames_the_host_the_message_or_the_recipient() {
    let table = client_rules(ClientSystem::Exim).failures;
    let blame = |stage, failing| table.at(stage, failing).1;
    assert_eq!(blame(Greeting, Transient), Blame::Host);
    assert_eq!(blame(Mail, Transient), Blame::Message);
    assert_eq!(blame(Rcpt, Transient), Blame::Address);
    assert_eq!(blame(EndOfData, Silence), Blame::Message);
    assert_eq!(blame(Data, Lost), Blame::Host);
}
