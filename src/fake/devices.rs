//! Devices at several sites: they measure, raise alarms, get firmware, are moved, and are taken out
//! of service in the end.

use super::json::JsonObject;
use super::locale::{Locale, PostalAddress};
use super::operation::{EventDraft, EventSubject, OperationNumbers, uuid};
use super::origin::{EventGroup, WorldOrigin};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::fmt::{self, Display};

/// How many devices are in service at most; beyond it none is installed.
const DEVICES_MAX: usize = 2_000;
/// There is something to read only once devices are there.
const DEVICES_FIRST: usize = 8;
/// Devices of one gateway that report together.
const READINGS_MAX: u64 = 6;
/// Above so many tenths of a degree there is an alarm.
const ALARM_TENTHS: i32 = 420;
const MODELS: [&str; 4] = ["TH-100", "TH-200 outdoor", "CO₂-Wächter 3", "CoolSense 7"];

/// The generator of this world; events of about 630 bytes.
#[derive(Debug)]
pub struct DeviceWorld {
    random: StdRng,
    pub(super) operations: OperationNumbers,
    locale: Locale,
    devices: Vec<Device>,
}

#[derive(Debug)]
struct Device {
    id: String,
    readings: u64,
    tenths: i32,
    battery_percent: u32,
    firmware: u32,
    alarm: Option<String>,
}

/// Tenths, as a decimal number: `-0.5`.
struct Tenths(i32);

impl Display for Tenths {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let tenths = self.0.unsigned_abs();
        write!(out, "{sign}{}.{}", tenths / 10, tenths % 10)
    }
}

impl DeviceWorld {
    /// Starts with none.
    pub fn new(origin: &WorldOrigin) -> Self {
        let mut random = StdRng::seed_from_u64(origin.seed);
        Self {
            operations: OperationNumbers::new(origin, &mut random),
            random,
            locale: origin.locale,
            devices: Vec::new(),
        }
    }

    /// What happens next, in so many events at most.
    pub fn group(&mut self, events_max: u64) -> EventGroup {
        if self.devices.len() < DEVICES_FIRST {
            return self.installation();
        }
        match self.random.random_range(0..100) {
            0..4 if self.devices.len() < DEVICES_MAX => self.installation(),
            4 => self.retirement(),
            5 | 6 => self.firmware(),
            7 => self.relocation(),
            8..11 => self.end_of_alarm().unwrap_or_else(|| self.readings(1)),
            _ => self.readings(events_max.min(READINGS_MAX)),
        }
    }

    fn installation(&mut self) -> EventGroup {
        let id = uuid(&mut self.random);
        let PostalAddress { street, city } = self.locale.place(&mut self.random);
        let model = MODELS[self.random.random_range(0..MODELS.len())];
        let contents = JsonObject::new()
            .text("entity_id", &id)
            .text("serial", &format!("SN{:010}", self.random.random_range(0..10_000_000_000_u64)))
            .text("model", model)
            .text("site", &format!("{city}, {street}"));
        let device = Device {
            id: id.clone(),
            readings: 0,
            tenths: self.random.random_range(150..260),
            battery_percent: 100,
            firmware: 10,
            alarm: None,
        };
        self.devices.push(device);
        self.single(
            "Install device",
            "DeviceInstalled",
            EventSubject::of("Device", &id, "Installed"),
            contents,
        )
    }

    /// `ReadingTaken` of some devices, up to one too hot, whose alarm ends the group.
    fn readings(&mut self, events_max: u64) -> EventGroup {
        let wanted = self.random.random_range(1..=events_max);
        let mut readings = Vec::new();
        let mut alarm = None;
        for _ in 0..wanted {
            let chosen = self.random.random_range(0..self.devices.len());
            let (id, contents) = self.reading(chosen);
            readings.push((id, contents));
            let device = &self.devices[chosen];
            let has_room = (readings.len() as u64) < events_max;
            if device.tenths > ALARM_TENTHS && device.alarm.is_none() && has_room {
                alarm = Some(chosen);
                break;
            }
        }
        let alarm = alarm.map(|chosen| self.alarm(chosen));
        let taken = readings
            .into_iter()
            .map(|(id, contents)| ("ReadingTaken", "Reading", id, "Taken", contents));
        let raised = alarm.map(|(id, contents)| ("AlarmRaised", "Alarm", id, "Raised", contents));
        let events: Vec<_> = taken.chain(raised).collect();
        let drafts = events.iter().map(|(name, entity, id, operation, contents)| EventDraft {
            name,
            subject: Some(EventSubject::of(entity, id, operation)),
            contents: contents.clone(),
        });
        self.operations.group(&mut self.random, "Report readings", drafts.collect())
    }

    fn reading(&mut self, chosen: usize) -> (String, String) {
        let id = uuid(&mut self.random);
        let device = &mut self.devices[chosen];
        device.readings += 1;
        device.tenths = (device.tenths + self.random.random_range(-9..10)).clamp(-300, 600);
        if self.random.random_range(0..40) == 0 {
            device.tenths += 120;
        }
        if self.random.random_range(0..50) == 0 {
            device.battery_percent = device.battery_percent.saturating_sub(1).max(1);
        }
        let contents = JsonObject::new()
            .text("entity_id", &id)
            .text("deviceId", &device.id)
            .plain("number", device.readings)
            .plain("temperature", Tenths(device.tenths))
            .plain("humidity", self.random.random_range(20..95))
            .plain("pressure", Tenths(self.random.random_range(9_600..10_500)))
            .plain("battery", device.battery_percent);
        (id, contents.end())
    }

    fn alarm(&mut self, chosen: usize) -> (String, String) {
        let id = uuid(&mut self.random);
        let device = &mut self.devices[chosen];
        device.alarm = Some(id.clone());
        let contents = JsonObject::new()
            .text("entity_id", &id)
            .text("deviceId", &device.id)
            .text(
                "severity",
                if device.tenths > ALARM_TENTHS + 100 { "critical" } else { "warning" },
            )
            .plain("temperature", Tenths(device.tenths))
            .plain("limit", Tenths(ALARM_TENTHS));
        (id, contents.end())
    }

    /// `AlarmCleared` of an alarm that was raised; `None` while there is none.
    fn end_of_alarm(&mut self) -> Option<EventGroup> {
        let device = self.devices.iter_mut().find(|device| device.alarm.is_some())?;
        let alarm = device.alarm.take()?;
        device.tenths = 230;
        let contents = JsonObject::new()
            .text("entity_id", &alarm)
            .text("deviceId", &device.id)
            .text("note", "window was open – closed it");
        Some(self.single(
            "Clear alarm",
            "AlarmCleared",
            EventSubject::of("Alarm", &alarm, "Cleared"),
            contents,
        ))
    }

    fn firmware(&mut self) -> EventGroup {
        let chosen = self.random.random_range(0..self.devices.len());
        let device = &mut self.devices[chosen];
        let before = device.firmware;
        device.firmware += 1;
        let version = |firmware: u32| format!("{}.{}.0", firmware / 10, firmware % 10);
        let contents = JsonObject::new()
            .text("entity_id", &device.id)
            .text("before", &version(before))
            .text("after", &version(device.firmware));
        let id = device.id.clone();
        let subject = EventSubject {
            property: Some("firmware"),
            ..EventSubject::of("Device", &id, "Changed")
        };
        self.single("Update firmware", "FirmwareUpdated", subject, contents)
    }

    fn relocation(&mut self) -> EventGroup {
        let PostalAddress { street, city } = self.locale.place(&mut self.random);
        let id = self.devices[self.random.random_range(0..self.devices.len())].id.clone();
        let contents =
            JsonObject::new().text("entity_id", &id).text("site", &format!("{city}, {street}"));
        let subject =
            EventSubject { property: Some("site"), ..EventSubject::of("Device", &id, "Changed") };
        self.single("Move device", "DeviceMoved", subject, contents)
    }

    fn retirement(&mut self) -> EventGroup {
        let chosen = self.random.random_range(0..self.devices.len());
        let device = self.devices.swap_remove(chosen);
        let contents =
            JsonObject::new().text("entity_id", &device.id).plain("readings", device.readings);
        self.single(
            "Retire device",
            "DeviceRetired",
            EventSubject::of("Device", &device.id, "Retired"),
            contents,
        )
    }

    fn single(
        &mut self,
        command: &str,
        name: &'static str,
        subject: EventSubject<'_>,
        contents: JsonObject,
    ) -> EventGroup {
        let draft = EventDraft { name, subject: Some(subject), contents: contents.end() };
        self.operations.group(&mut self.random, command, vec![draft])
    }
}
