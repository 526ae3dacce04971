//! Every kind of mistake in a plan file: where it is, what it is, and the way out, to the letter.

#[cfg(test)]
mod tests {
    use espat_script::PlanFile;

    /// What is wrong, the plan, and what is said of it.
    const MISTAKES: &[(&str, &str, &str)] = &[
        (
            "no TOML",
            r##"[[fault]
do = "hang"
"##,
            r##"plan.toml:1:9: this is no TOML: unclosed array table, expected `]`
1 | [[fault]
  |         ^"##,
        ),
        (
            "no fault",
            r##"name = "empty"
"##,
            r##"plan.toml:1:1: a plan needs a table [[fault]] that says what happens: `do = "lose-prompt"` (docs/faults.md)
1 | name = "empty"
  | ^"##,
        ),
        (
            "an unknown key at the top",
            r##"sede = 1
[[fault]]
do = "hang"
"##,
            r##"plan.toml:1:1: a plan has no key `sede`; did you mean `seed`?
1 | sede = 1
  | ^"##,
        ),
        (
            "an unknown key of a fault",
            r##"[[fault]]
wen = { command = "AT" }
do = "hang"
"##,
            r##"plan.toml:2:1: a fault has no key `wen`; did you mean `when`?
2 | wen = { command = "AT" }
  | ^"##,
        ),
        (
            "an unknown key of when",
            r##"[[fault]]
when = { comand = "AT" }
do = "hang"
"##,
            r##"plan.toml:2:10: a fault's `when` has no key `comand`; did you mean `command`?
2 | when = { comand = "AT" }
  |          ^"##,
        ),
        (
            "an unknown key of an action",
            r##"[[fault]]
do = { action = "delay", fro = "1s", for = "1s" }
"##,
            r##"plan.toml:2:26: `delay` has no key `fro`; did you mean `for`?
2 | do = { action = "delay", fro = "1s", for = "1s" }
  |                          ^"##,
        ),
        (
            "an action that takes nothing",
            r##"[[fault]]
do = { action = "hang", for = "1s" }
"##,
            r##"plan.toml:2:25: `hang` has no key `for`; it takes none
2 | do = { action = "hang", for = "1s" }
  |                         ^"##,
        ),
        (
            "no do",
            r##"[[fault]]
when = { command = "AT" }
"##,
            r##"plan.toml:1:1: a fault needs `do`: what happens, such as `do = "lose-prompt"`
1 | [[fault]]
  | ^"##,
        ),
        (
            "do is a number",
            r##"[[fault]]
do = 7
"##,
            r##"plan.toml:2:6: `do` is an action's name, a table { action = "delay", for = "1s" }, or a list of these
2 | do = 7
  |      ^"##,
        ),
        (
            "a table without an action",
            r##"[[fault]]
do = { for = "1s" }
"##,
            r##"plan.toml:2:6: an action's table needs `action`: { action = "delay", for = "1s" }
2 | do = { for = "1s" }
  |      ^"##,
        ),
        (
            "an unknown action",
            r##"[[fault]]
do = "dely"
"##,
            r##"plan.toml:2:6: there is no action `dely`; did you mean `delay`?
2 | do = "dely"
  |      ^"##,
        ),
        (
            "an unknown action far from any",
            r##"[[fault]]
do = "explode-the-module"
"##,
            r##"plan.toml:2:6: there is no action `explode-the-module`; there is delay, split, merge, drop, flip, duplicate, insert, withhold-send-ok, double-send-ok, fail-send, lose-prompt, hold-busy, put-report, close, half-close, silence, stall, overrun, change-sender, fail-resolution, fail-connect, fail-handshake, fail-time-sync, fail-upgrade, slow-resolution, slow-connect, slow-handshake, slow-time-sync, slow-upgrade, corrupt-upgrade, fail-write, wrong-time, lose-wifi, return-wifi, change-address, lie, reset, hang, change-baud, limit-links, exhaust-memory
2 | do = "explode-the-module"
  |      ^"##,
        ),
        (
            "a missing time",
            r##"[[fault]]
do = "hold-busy"
"##,
            r##"plan.toml:2:6: the action needs `for`, such as `for = "8s"`
2 | do = "hold-busy"
  |      ^"##,
        ),
        (
            "a time that is a number",
            r##"[[fault]]
do = { action = "hold-busy", for = 8 }
"##,
            r##"plan.toml:2:36: `for` is a time in quotes with us, ms, s, min or h: "250ms"
2 | do = { action = "hold-busy", for = 8 }
  |                                    ^"##,
        ),
        (
            "a time without a unit",
            r##"[[fault]]
do = { action = "hold-busy", for = "8" }
"##,
            r##"plan.toml:2:36: `for` is a time in quotes with us, ms, s, min or h: "250ms"
2 | do = { action = "hold-busy", for = "8" }
  |                                    ^"##,
        ),
        (
            "a number out of range",
            r##"[[fault]]
do = { action = "change-baud", to = 10 }
"##,
            r##"plan.toml:2:37: `to` is a number from 80 to 5000000
2 | do = { action = "change-baud", to = 10 }
  |                                     ^"##,
        ),
        (
            "a flag that is none",
            r##"[[fault]]
do = { action = "reset", noise = "yes" }
"##,
            r##"plan.toml:2:34: `noise` is true or false
2 | do = { action = "reset", noise = "yes" }
  |                                  ^"##,
        ),
        (
            "a word that is none",
            r##"[[fault]]
do = { action = "close", how = "rst" }
"##,
            r##"plan.toml:2:32: there is no `how = "rst"`; did you mean `reset`?
2 | do = { action = "close", how = "rst" }
  |                                ^"##,
        ),
        (
            "an address that is none",
            r##"[[fault]]
do = { action = "change-address", to = "255.255.255.255" }
"##,
            r##"plan.toml:2:40: `to` is an IPv4 address of a station: "192.0.2.77"
2 | do = { action = "change-address", to = "255.255.255.255" }
  |                                        ^"##,
        ),
        (
            "bytes that are none",
            r##"[[fault]]
do = { action = "insert", bytes = '\xg0' }
"##,
            r##"plan.toml:2:35: `bytes` is a text of 1 to 4096 bytes; in '...' \xNN is a byte and \\ a backslash
2 | do = { action = "insert", bytes = '\xg0' }
  |                                   ^"##,
        ),
        (
            "bytes and noise",
            r##"[[fault]]
do = { action = "insert", bytes = "a", noise = 3 }
"##,
            r##"plan.toml:2:48: `bytes` and `noise` exclude each other: leave one of them out
2 | do = { action = "insert", bytes = "a", noise = 3 }
  |                                                ^"##,
        ),
        (
            "place and at",
            r##"[[fault]]
do = { action = "insert", bytes = "a", place = "after", at = 3 }
"##,
            r##"plan.toml:2:62: `place` and `at` exclude each other: leave one of them out
2 | do = { action = "insert", bytes = "a", place = "after", at = 3 }
  |                                                              ^"##,
        ),
        (
            "an unknown event",
            r##"[[fault]]
when = { event = "conect" }
do = "hang"
"##,
            r##"plan.toml:2:18: there is no `event = "conect"`; did you mean `connect`?
2 | when = { event = "conect" }
  |                  ^"##,
        ),
        (
            "an unknown state",
            r##"[[fault]]
when = { state = "sleepy" }
do = "hang"
"##,
            r##"plan.toml:2:18: there is no `state = "sleepy"`; there is idle, busy, payload, passthrough, down, joined, unjoined, link-open, no-link, dns-unset
2 | when = { state = "sleepy" }
  |                  ^"##,
        ),
        (
            "occurrence 0",
            r##"[[fault]]
when = { occurrence = 0 }
do = "lose-prompt"
"##,
            r##"plan.toml:2:23: `occurrence` counts from 1: 2, [1, 3], "every 3" or "from 2"
2 | when = { occurrence = 0 }
  |                       ^"##,
        ),
        (
            "occurrence in words",
            r##"[[fault]]
when = { occurrence = "each 2" }
do = "lose-prompt"
"##,
            r##"plan.toml:2:23: `occurrence` counts from 1: 2, [1, 3], "every 3" or "from 2"
2 | when = { occurrence = "each 2" }
  |                       ^"##,
        ),
        (
            "a probability over 1",
            r##"[[fault]]
when = { probability = 1.5 }
do = "lose-prompt"
"##,
            r##"plan.toml:2:24: `probability` is a number from 0.000001 to 1: 0.25 is once in four times
2 | when = { probability = 1.5 }
  |                        ^"##,
        ),
        (
            "a probability of 0",
            r##"[[fault]]
when = { probability = 0 }
do = "lose-prompt"
"##,
            r##"plan.toml:2:24: `probability` is a number from 0.000001 to 1: 0.25 is once in four times
2 | when = { probability = 0 }
  |                        ^"##,
        ),
        (
            "times 0",
            r##"[[fault]]
do = "lose-prompt"
times = 0
"##,
            r##"plan.toml:3:9: `times` is a number from 1 on
3 | times = 0
  |         ^"##,
        ),
        (
            "a link that no module has",
            r##"[[fault]]
when = { link = 5 }
do = "close"
"##,
            r##"plan.toml:2:17: `link` is a number from 0 to 4
2 | when = { link = 5 }
  |                 ^"##,
        ),
        (
            "two numbers of bytes",
            r##"[[fault]]
when = { serial-in = 5, serial-out = 6 }
do = "hang"
"##,
            r##"plan.toml:2:38: `serial-out` is a second number of bytes; one fault waits for one
2 | when = { serial-in = 5, serial-out = 6 }
  |                                      ^"##,
        ),
        (
            "two moments",
            r##"[[fault]]
when = { event = "data", uptime = "5s" }
do = "hang"
"##,
            r##"plan.toml:2:26: `uptime` and `event` are two moments; a fault has one. Name the other fault, and let this one wait for it: `event = "fault NAME"`
2 | when = { event = "data", uptime = "5s" }
  |                          ^"##,
        ),
        (
            "a moment of its own and another",
            r##"[[fault]]
when = { event = "data" }
do = "lose-prompt"
"##,
            r##"plan.toml:2:10: `lose-prompt` acts on bytes to the host: `event` cannot be its moment; `command`, `state` and `occurrence` can narrow it down
2 | when = { event = "data" }
  |          ^"##,
        ),
        (
            "after with bytes",
            r##"[[fault]]
when = { mark = "line", after = "1s" }
do = { action = "drop" }
"##,
            r##"plan.toml:2:25: `drop` acts on bytes to the host as they come: `after` has no effect on it
2 | when = { mark = "line", after = "1s" }
  |                         ^"##,
        ),
        (
            "a mark that the direction has not",
            r##"[[fault]]
when = { mark = "prompt" }
do = { action = "drop", way = "in" }
"##,
            r##"plan.toml:2:17: there is no `mark = "prompt"`; there is line, payload
2 | when = { mark = "prompt" }
  |                 ^"##,
        ),
        (
            "a mark for an action that chooses itself",
            r##"[[fault]]
when = { mark = "result" }
do = "lose-prompt"
"##,
            r##"plan.toml:2:10: `lose-prompt` does not choose by `mark`; leave it out
2 | when = { mark = "result" }
  |          ^"##,
        ),
        (
            "a mark beside an event",
            r##"[[fault]]
when = { mark = "result", event = "data" }
do = "hang"
"##,
            r##"plan.toml:2:10: `mark` and `event` are two moments; leave one of them out
2 | when = { mark = "result", event = "data" }
  |          ^"##,
        ),
        (
            "a report inside what is no send",
            r##"[[fault]]
when = { command = "AT+CIPSTATUS" }
do = { action = "put-report", place = "before-prompt" }
"##,
            r##"plan.toml:2:20: `put-report` puts reports inside a send, and `AT+CIPSTATUS` is none; write `command = "AT+CIPSEND*"`, or `place = "inside-echo"`
2 | when = { command = "AT+CIPSTATUS" }
  |                    ^"##,
        ),
        (
            "actions at two moments",
            r##"[[fault]]
do = ["lose-prompt", "overrun"]
"##,
            r##"plan.toml:2:22: `overrun` works on data that arrives, `lose-prompt` on bytes to the host; put them into two faults
2 | do = ["lose-prompt", "overrun"]
  |                      ^"##,
        ),
        (
            "actions that exclude each other",
            r##"[[fault]]
do = ["close", "half-close"]
"##,
            r##"plan.toml:2:16: `half-close` and `close` exclude each other; put them into two faults
2 | do = ["close", "half-close"]
  |                ^"##,
        ),
        (
            "what contradicts itself",
            r##"[[fault]]
when = { state = "no-link", link = 1 }
do = "hang"
"##,
            r##"plan.toml:2:10: `state` and `link` contradict each other: this never happens
2 | when = { state = "no-link", link = 1 }
  |          ^"##,
        ),
        (
            "a fault that waits for none",
            r##"[[fault]]
name = "first"
do = "hang"
[[fault]]
when = { event = "fault frist" }
do = "hang"
"##,
            r##"plan.toml:5:18: there is no fault named `frist`; did you mean `first`?
5 | when = { event = "fault frist" }
  |                  ^"##,
        ),
        (
            "a fault that waits where none has a name",
            r##"[[fault]]
when = { event = "fault first" }
do = "hang"
"##,
            r##"plan.toml:2:18: no fault of this plan has a name; give one `name = "first"`
2 | when = { event = "fault first" }
  |                  ^"##,
        ),
        (
            "a fault that waits for itself",
            r##"[[fault]]
name = "first"
when = { event = "fault first" }
do = "hang"
"##,
            r##"plan.toml:3:18: the fault `first` waits for itself: it never begins
3 | when = { event = "fault first" }
  |                  ^"##,
        ),
        (
            "two faults of one name",
            r##"[[fault]]
name = "first"
do = "hang"
[[fault]]
name = "first"
do = "hang"
"##,
            r##"plan.toml:5:1: there is a fault named `first` before this one; choose another name
5 | name = "first"
  | ^"##,
        ),
        (
            "a name that is none",
            r##"name = "my plan"
[[fault]]
do = "hang"
"##,
            r##"plan.toml:1:8: a name has letters, digits, `-` and `_`: `ipd-inside-send`
1 | name = "my plan"
  |        ^"##,
        ),
        (
            "a list that is none",
            r##"threads = "esp-at#1"
[[fault]]
do = "hang"
"##,
            r##"plan.toml:1:11: `threads` is a list of texts: ["a", "b"]
1 | threads = "esp-at#1"
  |           ^"##,
        ),
        (
            "when is a text",
            r##"[[fault]]
when = "AT"
do = "hang"
"##,
            r##"plan.toml:2:8: `when` is a table: { command = "AT+CIPSEND*" }
2 | when = "AT"
  |        ^"##,
        ),
        (
            "fault is a table",
            r##"[fault]
do = "hang"
"##,
            r##"plan.toml:1:1: `fault` is a list of tables: [[fault]]
1 | [fault]
  | ^"##,
        ),
    ];

    #[test]
    fn a_mistake_is_named_with_its_place_and_the_way_out() {
        for (what, text, said) in MISTAKES {
            let error = PlanFile::parse(text, "plan.toml").expect_err(what);
            assert_eq!(error.to_string(), *said, "{what}");
        }
    }

    #[test]
    fn every_scenario_is_a_plan_of_its_name() {
        for scenario in espat_script::scenarios() {
            let file = PlanFile::parse(scenario.text, scenario.name)
                .unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(file.plan.name, scenario.name);
        }
    }
}
