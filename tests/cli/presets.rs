//! `mxsim presets` from outside.

use std::fs;

use crate::{home, ran};

#[test]
fn presets_are_shown_with_sources_and_unknown_ones_suggested() {
    let home = home();
    let (code, stdout, stderr) = ran(&home, &["presets", "Postfix"]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    assert!(stdout.contains("maximal_backoff_time") && stdout.contains("postconf(5)"), "{stdout}");
    assert!(ran(&home, &["presets"]).1.contains("WholeSecond"));
    let (code, stdout, stderr) = ran(&home, &["presets", "Postfx"]);
    assert_eq!((code, stdout.as_str()), (2, ""));
    assert!(stderr.contains("did you mean `Postfix`?"), "{stderr}");
}

#[test]
fn a_preset_with_other_parameters_has_its_own_schedule() {
    let home = home();
    let own = r#"Postfix(minimal_backoff_time: "1m", queue_run_delay: "1m")"#;
    let (code, stdout, stderr) = ran(&home, &["presets", own]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    // qmgr_active.c: due after a minute, taken up by a scan from a second before on, which is less than another away.
    let row = |n: &str| stdout.lines().find(|line| line.split_whitespace().next() == Some(n)).unwrap_or_default();
    assert_eq!(row("2").split_whitespace().collect::<Vec<_>>(), ["2", "59s", "1m59s", "119"], "{stdout}");
    assert!(stdout.lines().any(|line| line.contains("minimal_backoff_time") && line.contains("1m")), "{stdout}");
    assert!(stdout.contains("as given"), "{stdout}");
    let (code, stdout, _) = ran(&home, &["presets", r#"Custom(schedule: Constant("5m"), lifetime: "10m")"#]);
    assert!(code == 0 && stdout.contains("given up at 10m"), "{stdout}");
    fs::write(home.path().join("main.cf"), "minimal_backoff_time = 60s\nqueue_run_delay = 60s\n").unwrap();
    let (code, stdout, stderr) = ran(&home, &["presets", r#"PostfixConfig(file: "main.cf")"#]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    assert!(stdout.contains("Schedule of PostfixConfig") && stdout.contains("1m59s"), "{stdout}");
}

#[test]
fn what_a_configuration_of_postfix_says_is_shown_with_where_it_stands() {
    let home = home();
    let main = "minimal_backoff_time = 60s\nmaximal_backoff_time = 4000s\nqueue_run_delay = $minimal_backoff_time\n\
                smtp_destination_concurrency_limit = 7\nsmtp_tls_security_level = may\ninet_protocols = ipv4\nrelayhost =\n";
    fs::write(home.path().join("main.cf"), main).unwrap();
    fs::write(home.path().join("master.cf"), "smtp unix - - y - 9 smtp\n").unwrap();
    let text = r#"PostfixConfig(file: "main.cf", master: "master.cf", scan_phase: "7s")"#;
    let (code, stdout, stderr) = ran(&home, &["presets", text]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    let rows: Vec<String> = stdout.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    for row in [
        "minimal_backoff_time 1m from `file`",
        // As by default, and yet set.
        "maximal_backoff_time 1h6m40s from `file`",
        "queue_run_delay 1m from `file`",
        "default_destination_concurrency_limit 7 from `file`",
        "default_process_limit 9 from `master`",
        "initial_destination_concurrency 5 postconf(5), Postfix 3.x",
        "client.address_preference Ipv4Only from `file`",
        "relayhost none from `file`",
    ] {
        assert!(rows.iter().any(|shown| shown == row), "no {row} in\n{stdout}");
    }
    assert!(rows.iter().any(|row| row.starts_with("(session) STARTTLS, PIPELINING")), "{stdout}");
    assert!(rows.iter().any(|row| row.starts_with("scan_phase 7s as given")), "{stdout}");
}

#[test]
fn parameters_of_a_preset_that_mean_nothing_are_errors() {
    let home = home();
    for (name, says) in [
        (r#"Postfix(minimal_backoff_tim: "1m")"#, "minimal_backoff_time"),
        (r#"Postfix(minimal_backoff_time: "1m"#, "does not fit here"),
        (r#"Postfix(minimal_backoff_time: "0s")"#, "no time at all"),
        (r#"Exim(rule: "* * F,2h")"#, "F,2h"),
        (r#"Unbound(prefetch: true)"#, "no schedule"),
        (r#"EximConfig(file: "retry")"#, "cannot read `retry`"),
        (r#"Postfx(minimal_backoff_time: "1m")"#, "did you mean `Postfix`?"),
    ] {
        let (code, stdout, stderr) = ran(&home, &["presets", name]);
        assert_eq!((code, stdout.as_str()), (2, ""), "{name}");
        assert!(stderr.contains(says), "{name}: {stderr}");
    }
    // Never passed over.
    for args in [&["presets", "Postfix"][..], &["presets", "--compare", "Postfix,Exim"], &["presets"]] {
        let args: Vec<&str> = args.iter().copied().chain(["--set", "minimal_backoff_time=1m"]).collect();
        let (code, stdout, stderr) = ran(&home, &args);
        assert_eq!((code, stdout.as_str()), (2, ""), "{args:?}");
        assert!(stderr.contains("--set") && stderr.contains("Postfix(minimal_backoff_time:"), "{stderr}");
    }
}

#[test]
fn a_policy_of_several_schedules_shows_each() {
    let home = home();
    let section = "begin retry\nd.example  *  F,1h,10m\nnever.example *\n*  refused  F,2h,30m\n";
    fs::write(home.path().join("exim.conf"), section).unwrap();
    let text = r#"EximConfig(file: "exim.conf", with: (queue_run: "1m"))"#;
    let (code, stdout, stderr) = ran(&home, &["presets", text]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    let parts: Vec<&str> = stdout.split("For ").skip(1).collect();
    assert_eq!(parts.len(), 3, "{stdout}");
    assert!(parts[0].starts_with("d.example *") && parts[0].contains("20m      21m         1260"), "{stdout}");
    assert!(parts[1].starts_with("never.example *\n\nNot tried again"), "{stdout}");
    assert!(parts[2].starts_with("* refused") && parts[2].contains("given up at 2h1s to 2h1m1s"), "{stdout}");
    // What it says elsewhere is shown, where `with` does not say otherwise.
    fs::write(home.path().join("whole.conf"), "delay_warning = 4h:8h\nqueue_run_max = 3\nbegin retry\n* * F,1d,1h\n")
        .unwrap();
    for (with, warns) in [("", "delay warning at 4h to"), (r#"delay_warning: ["5h"]"#, "delay warning at 5h to")] {
        let text = format!(r#"EximConfig(file: "whole.conf", with: ({with}))"#);
        let (code, stdout, stderr) = ran(&home, &["presets", &text]);
        assert_eq!((code, stderr.as_str()), (0, ""));
        assert!(stdout.contains(warns), "{stdout}");
    }
    // Shares need not add up to one.
    let mix = r#"Mix([(3, Qmail()), (1, Custom(schedule: Constant("1h"), lifetime: "4h"))])"#;
    let (code, stdout, stderr) = ran(&home, &["presets", mix]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    assert!(
        stdout.contains("For 75 %\n\nSchedule of Qmail") && stdout.contains("For 25 %\n\nSchedule of Custom"),
        "{stdout}"
    );
    let both = r#"Postfix(minimal_backoff_time: "1m", maximal_backoff_time: "2m"),EximConfig(file: "exim.conf"),Qmail"#;
    let (code, stdout, stderr) = ran(&home, &["presets", "--compare", both]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    let lanes: Vec<&str> = stdout.lines().filter(|line| line.contains("attempts, given up")).collect();
    assert_eq!(lanes.len(), 4, "{stdout}");
    assert!(
        lanes[0].contains(r#"Postfix(minimal_backoff_time: "1m", maxi…"#) && lanes[2].contains("* refused"),
        "{stdout}"
    );
}

#[test]
fn schedules_of_presets_are_compared_and_drawn() {
    let home = home();
    let (code, stdout, stderr) = ran(&home, &["presets", "--compare", "Postfix,Exim,Qmail"]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    for part in ["Postfix", "Exim", "Qmail", "6m40s"] {
        assert!(stdout.contains(part), "no {part} in\n{stdout}");
    }
    let (code, stdout, _) = ran(&home, &["presets", "--compare", "Qmail,OpenSmtpd", "--json"]);
    let all: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((code, all.as_array().map(Vec::len)), (0, Some(2)));
    let (code, _, stderr) = ran(&home, &["presets", "--compare", "Postfix,Mox", "--out", "schedules.svg"]);
    assert_eq!(code, 0, "{stderr}");
    let svg = fs::read_to_string(home.path().join("schedules.svg")).unwrap();
    assert!(svg.contains("Postfix") && svg.contains("Mox"));
    let (code, stdout, stderr) = ran(&home, &["presets", "--compare", "Postfix,Exin"]);
    assert_eq!((code, stdout.as_str()), (2, ""));
    assert!(stderr.contains("did you mean `Exim`?"), "{stderr}");
}
