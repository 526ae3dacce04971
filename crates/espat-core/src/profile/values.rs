//! The values of a profile by name, so that they can be listed, compared and told where they come from.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::Ipv4Addr;
use core::ops::RangeInclusive;
use core::time::Duration;

use super::rom::Rom;
use super::{FactoryValue, Features, Manufactured, Partition, RfStep};
use crate::output::UartConfig;
use crate::tls::{TlsRules, TlsVersion};

/// One value of a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    /// Its name: the part of the profile and the field, such as `limits.send_bytes`.
    pub name: String,
    /// What it is.
    pub about: &'static str,
    /// The value as text.
    pub text: String,
}

/// One value, or several with names of their own.
pub(super) trait Values {
    /// Adds them to a list, under this name.
    fn list(&self, name: &str, about: &'static str, list: &mut Vec<Value>);
}

/// Declares a part of a profile as a struct whose fields can be listed. What a field is, its documentation says; what its values rest
/// on stands with the profiles.
macro_rules! values {
    ($(#[$attribute:meta])* pub struct $name:ident {
        $($(#[doc = $about:literal])+ pub $field:ident: $type:ty,)*
    }) => {
        $(#[$attribute])*
        #[derive(Debug)]
        pub struct $name {
            $($(#[doc = $about])+ pub $field: $type,)*
        }

        impl $crate::profile::values::Values for $name {
            fn list(
                &self,
                name: &str,
                _: &'static str,
                list: &mut alloc::vec::Vec<$crate::profile::values::Value>,
            ) {
                $($crate::profile::values::Values::list(
                    &self.$field,
                    &alloc::format!("{name}.{}", stringify!($field)),
                    concat!($($about),+).trim_ascii_start(),
                    list,
                );)*
            }
        }
    };
}

/// Types that are one value, and their text.
macro_rules! one_value {
    ($($type:ty: |$value:ident| $text:expr;)*) => {$(
        impl Values for $type {
            fn list(&self, name: &str, about: &'static str, list: &mut Vec<Value>) {
                let $value = self;
                list.push(Value {
                    name: name.to_string(),
                    about,
                    text: $text,
                });
            }
        }
    )*};
}

one_value! {
    bool: |is| yes_or_no(*is);
    u8: |n| n.to_string();
    u16: |n| n.to_string();
    u32: |n| n.to_string();
    u64: |n| n.to_string();
    usize: |n| n.to_string();
    i32: |n| n.to_string();
    (u16, u16): |pair| format!("{}, {}", pair.0, pair.1);
    (u32, u32): |range| format!("{} to {}", range.0, range.1);
    RangeInclusive<i32>: |range| format!("{} to {}", range.start(), range.end());
    Duration: |time| format!("{time:?}");
    &'static str: |text| format!("{text:?}");
    &'static [u8]: |numbers| {
        let numbers = numbers.iter().map(u8::to_string);
        numbers.collect::<Vec<_>>().join(", ")
    };
    &'static [&'static str]: |texts| quoted(texts);
    &'static [(&'static str, &'static str)]: |pairs| {
        let pairs = pairs.iter().map(|(key, value)| format!("{key}={value}"));
        pairs.collect::<Vec<_>>().join(", ")
    };
    [&'static str; 3]: |texts| quoted(texts);
    Ipv4Addr: |address| address.to_string();
    UartConfig: |uart| {
        let UartConfig { baud, data_bits, stop_bits, parity, flow } = uart;
        format!("{baud},{data_bits},{stop_bits},{parity},{flow}")
    };
    TlsVersion: |version| match version {
        TlsVersion::Tls1_0 => "1.0",
        TlsVersion::Tls1_1 => "1.1",
        TlsVersion::Tls1_2 => "1.2",
        TlsVersion::Tls1_3 => "1.3",
    }.to_string();
    Rom: |rom| {
        let lines = rom.causes.power_on.iter().chain(rom.rest).copied();
        format!("at {}: {}", rom.baud, quoted(&lines.collect::<Vec<_>>()))
    };
    &'static [RfStep]: |steps| {
        let steps = steps.iter().map(|step| format!("{} from {}", step.gives, step.from));
        steps.collect::<Vec<_>>().join(", ")
    };
    &'static [Partition]: |partitions| {
        let partitions = partitions.iter().map(|p| {
            format!("{} {}/{} {:#x} {}", p.name, p.kind, p.subtype, p.address, p.bytes)
        });
        partitions.collect::<Vec<_>>().join(", ")
    };
    &'static [Manufactured]: |namespaces| {
        let text = |value: &FactoryValue| match value {
            FactoryValue::U8(n) => n.to_string(),
            FactoryValue::I8(n) => n.to_string(),
            FactoryValue::I32(n) => n.to_string(),
            FactoryValue::Text(text) => (*text).to_string(),
        };
        let namespaces = namespaces.iter().map(|of| {
            let keys = of.keys.iter().map(|(key, value)| format!(" {key}={}", text(value)));
            format!("{}{}", of.namespace, keys.collect::<String>())
        });
        namespaces.collect::<Vec<_>>().join(", ")
    };
}

fn yes_or_no(is: bool) -> String {
    if is { "yes" } else { "no" }.to_string()
}

fn quoted(texts: &[&str]) -> String {
    let texts = texts.iter().map(|text| format!("{text:?}"));
    texts.collect::<Vec<_>>().join(", ")
}

impl Values for TlsRules {
    fn list(&self, name: &str, _: &'static str, list: &mut Vec<Value>) {
        let mut add = |field: &str, about, value: &dyn Values| {
            value.list(&format!("{name}.{field}"), about, list);
        };
        add("version_min", "The oldest TLS version.", &self.version_min);
        add("version_max", "The newest TLS version.", &self.version_max);
        let strength = "The strength of keys and digests, as OpenSSL counts it.";
        add("security_level", strength, &self.security_level);
        let flight = "How long one flight of a TLS handshake may take.";
        add("flight_timeout", flight, &self.flight_timeout);
    }
}

impl Values for Features {
    fn list(&self, name: &str, _: &'static str, list: &mut Vec<Value>) {
        for &(flag, feature, about) in Self::ABOUT {
            list.push(Value {
                name: format!("{name}.{flag}"),
                about: about.trim_ascii_start(),
                text: yes_or_no(self.contains(feature)),
            });
        }
    }
}
