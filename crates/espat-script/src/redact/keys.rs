//! Bytes that are secret as a whole: keys that a command writes or shows, and what follows a command byte by byte.

/// Bytes that a command is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyBytes {
    /// So many of them follow the command.
    Typed(usize),
    /// The answer shows them.
    Shown,
}

/// Commands after which so many secret bytes come as the last parameter says: of real modules, whose lines are recorded too.
const PROMPTED: &[&[u8]] = &[b"MQTTLONGPASSWORD", b"HTTPCHEAD"];

/// What secret bytes a command line is followed by, or shows. Spaces, quotes and what stands before its name do not count.
pub(crate) fn key_bytes(line: &[u8]) -> Option<KeyBytes> {
    let (name, parameters) = line.split_at(line.iter().position(|&b| b == b'=')?);
    let is_named = |word: &[u8]| {
        let mut words = name.windows(word.len());
        words.any(|w| w.eq_ignore_ascii_case(word))
    };
    let parameters: Vec<String> = parameters[1..]
        .split(|&b| b == b',')
        .map(|parameter| {
            let text = String::from_utf8_lossy(parameter);
            text.replace(['"', ' '], "").to_ascii_lowercase()
        })
        .collect();
    let typed = || number(parameters.last()?).map(KeyBytes::Typed);
    if PROMPTED.iter().any(|word| is_named(word)) {
        return typed();
    }
    let is_flash = is_named(b"SYSFLASH");
    if !is_flash && !is_named(b"SYSMFG") || !holds_keys(parameters.get(1)?) {
        return None;
    }
    match (parameters[0].as_str(), is_flash) {
        ("1", true) => typed(),
        ("2", false) => {
            let kind = parameters.get(3)?.as_str();
            matches!(kind, "7" | "8").then(typed).flatten()
        }
        ("1" | "2", _) => Some(KeyBytes::Shown),
        _ => None,
    }
}

/// Whether private keys are in a partition or a namespace of that name.
pub(crate) fn holds_keys(name: &str) -> bool {
    name.contains("_key") || name == "mfg_nvs"
}

fn number(text: &str) -> Option<usize> {
    match text.strip_prefix("0x") {
        Some(hex) => usize::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_with_keys_are_known_by_their_commands() {
        let typed = |n| Some(KeyBytes::Typed(n));
        for (line, expected) in [
            ("AT+SYSFLASH=1,\"client_key\",0,1744", typed(1744)),
            ("at+sysflash=1,\"mfg_nvs\",0,0x1c000", typed(0x1_c000)),
            ("zAT+SYSFLASH = 1, client_key ,0, 9", typed(9)),
            ("AT+SYSFLASH=2,\"server_key\",0,8", Some(KeyBytes::Shown)),
            ("AT+SYSFLASH=0,\"server_key\"", None),
            ("AT+SYSFLASH=1,\"client_ca\",0,8", None),
            ("AT+SYSMFG=2,\"client_key\",\"client_key.0\",8,9", typed(9)),
            ("AT+SYSMFG=2,\"client_key\",\"x\",1,9", None),
            (
                "AT+SYSMFG=1,\"client_key\",\"client_key.0\"",
                Some(KeyBytes::Shown),
            ),
            ("AT+SYSMFG=2,\"client_ca\",\"client_ca.0\",8,9", None),
            ("AT+SYSMFG?", None),
            ("AT+MQTTLONGPASSWORD=0,20", typed(20)),
            ("AT+HTTPCHEAD=35", typed(35)),
        ] {
            assert_eq!(key_bytes(line.as_bytes()), expected, "{line}");
        }
    }
}
