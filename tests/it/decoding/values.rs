//! Values of every type that travels in binary form: edges, spelt as text, and random ones as
//! bytes, always the same.

use postgres_types::Type;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Random values of a type, if it has so many.
const VALUES: usize = 1_500;
/// Of floating-point numbers, whose shortest text is the hardest.
const FLOATS: usize = 20_000;
const US_PER_DAY: i64 = 86_400_000_000;

/// Data of a COPY in text form.
pub fn spelt(of: &Type, version_num: u32) -> Vec<u8> {
    let lines = edges(of, version_num).into_iter().map(|value| format!("{}\n", escaped(&value)));
    lines.collect::<String>().into_bytes()
}

fn escaped(value: &str) -> String {
    let plain = value.replace('\\', "\\\\").replace('\n', "\\n");
    plain.replace('\t', "\\t").replace('\r', "\\r")
}

/// Data of a COPY in binary form, of a column without NULLs.
pub fn random(of: &Type, version_num: u32) -> Vec<u8> {
    let mut data = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0".to_vec();
    for value in fields(of, version_num) {
        data.extend(1_i16.to_be_bytes());
        data.extend(i32::try_from(value.len()).unwrap().to_be_bytes());
        data.extend(value);
    }
    data.extend(b"\xff\xff");
    data
}

fn edges(of: &Type, version_num: u32) -> Vec<String> {
    let of_json =
        ["  [1 ,\n2]\t", r#"{"a":1,"a":-0}"#, "1E400", r#""\u0000\ud800""#].map(str::to_owned);
    match *of {
        Type::NUMERIC => numerics(version_num),
        Type::TEXT | Type::VARCHAR | Type::BPCHAR => texts(),
        Type::INTERVAL => intervals(version_num),
        Type::JSON => [documents(), of_json.to_vec()].concat(),
        Type::JSONB => documents(),
        _ => split(few(of)),
    }
}

/// Values with bars between them.
fn split(values: &str) -> Vec<String> {
    values.split('|').map(str::to_owned).collect()
}

fn few(of: &Type) -> &'static str {
    match *of {
        Type::BOOL => "t|f",
        Type::INT2 => "0|-1|32767|-32768",
        Type::INT4 => "0|-1|2147483647|-2147483648",
        Type::INT8 => "0|-1|9223372036854775807|-9223372036854775808|9007199254740993",
        Type::FLOAT4 | Type::FLOAT8 => {
            "0|-0|NaN|Infinity|-Infinity|1e-5|0.0001|1e14|1e15|123456|1234567|100000|1e6|0.1"
        }
        Type::CHAR => "|a|\"|\\| |\u{7f}|\n|,|{",
        Type::NAME => {
            "|NULL|a b|ä\"\\{},|sixty_three_bytes_is_the_longest_name_that_a_server_keeps_of_all"
        }
        Type::BYTEA => r"\x|\x00|\xff005c22|\xdeadbeef",
        Type::UUID => {
            "00000000-0000-0000-0000-000000000000|ffffffff-ffff-ffff-ffff-ffffffffffff|a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"
        }
        Type::DATE => {
            "2000-01-01|1999-12-31|2000-02-29|1900-03-01|infinity|-infinity|4714-11-24 \
             BC|5874897-12-31|0001-01-01|0001-12-31 BC|0005-02-29 BC|10000-01-01|9999-12-31"
        }
        Type::TIME => "00:00|24:00:00|23:59:59.999999|12:30:00.1|00:00:00.000001|01:02:03.120",
        Type::TIMETZ => {
            "00:00+00|24:00:00-15:59:59|23:59:59.999999+15:59:59|12:00+05:30|12:00-03:30:15|12:00+00:00:01|12:00-00:01"
        }
        Type::TIMESTAMP | Type::TIMESTAMPTZ => {
            "2000-01-01 00:00:00|1999-12-31 23:59:59.999999|infinity|-infinity|4714-11-24 00:00:00 \
             BC|294276-12-31 23:59:59.999999|0001-12-31 23:59:59.5 BC|0001-01-01 \
             00:00:00|10000-01-01 00:00:00.000001|2026-01-02 03:04:05.678901|2026-01-02 \
             03:04:05.12"
        }
        Type::BIT | Type::VARBIT => "|0|1|10101010|101010101|0000000000000000000001",
        Type::INET => {
            "0.0.0.0|255.255.255.255/0|192.168.1.5/24|10.0.0.1/32|::|::1|::2|::/0|::1.2.3.4|::0.1.0.0|::0.0.1.0|::ffff:1.2.3.4|::ffff:0:0|::ffff:1.2.3.4/96|::1:2:3/64|1::|1:0:0:2::3|1:0:0:2:0:0:0:3|0:0:1::|2001:db8::1/64|fe80::ff:fe00:1|1:2:3:4:5:6:7:8|0:1:2:3:4:5:6:7|1:0:2:0:3:0:4:0|::fffe:1.2.3.4|64:ff9b::1.2.3.4|1:2:3:4:5:6:0:0|::5:6:7:8|0:0:2::3:0"
        }
        Type::CIDR => {
            "0.0.0.0/0|10.0.0.0/8|192.168.1.5/32|::/0|::1/128|::1.2.3.4/128|::ffff:0:0/96|2001:db8::/32|::ffff:1.2.3.4/128|1::/16"
        }
        Type::MACADDR => "00:00:00:00:00:00|ff:ff:ff:ff:ff:ff|08:00:2b:01:02:03",
        Type::MACADDR8 => "00:00:00:00:00:00:00:00|ff:ff:ff:ff:ff:ff:ff:ff|08:00:2b:01:02:03:04:05",
        _ => panic!("no values of type {of} were thought of"),
    }
}

fn texts() -> Vec<String> {
    let mut all = split(
        "|a|NULL|null|nUlL|nulls| | a |a b|\t|\n\r|\u{b}|\u{c}|\"|\\|{|}|,|{}|[1:2]={}|a;b|ä|😀",
    );
    all.extend(split("\u{1}\u{1f}\u{7f}\u{8}|\\N|\\.|\u{2028}\u{feff}|a\u{300}|</script>|'|%00"));
    let mut random = StdRng::seed_from_u64(1);
    let alphabet: Vec<char> =
        "aZ0 ,;{}[]\"\\'NULL\t\n\r\u{b}\u{c}\u{8}\u{1b}\u{7f}äß€😀\u{a0}".chars().collect();
    let mut any = |_| alphabet[random.random_range(0..alphabet.len())];
    all.extend((0..VALUES).map(|at| (0..at % 12).map(&mut any).collect()));
    all
}

fn documents() -> Vec<String> {
    let texts = texts();
    let mut all = split(
        r#"null|true|false|0|-0.0|1.10|12345678901234567890.123456789|1e30|[]|{}|[[],[{}]]|"\u00e4\ud83d\ude00\n""#,
    );
    let quoted = |text: &String| serde_json::to_string(text).unwrap();
    all.extend(texts.iter().step_by(3).map(quoted));
    all.extend(texts.windows(3).step_by(3).map(|of| {
        format!(
            "{{{}: [{}, 1.50, {{}}], {}: null}}",
            quoted(&of[0]),
            quoted(&of[1]),
            quoted(&of[2])
        )
    }));
    all.push(nested(900));
    all
}

fn nested(depth: usize) -> String {
    format!("{}{}", "[".repeat(depth), "]".repeat(depth))
}

fn numerics(version_num: u32) -> Vec<String> {
    let mut all = split(
        "0|0.00|-0.00|NaN|1|-1|0.1|0.0001|0.00001|10000|100000000|9999|9999.9999|1.10|12345678901234567890.123456789|1e-16383|1e400",
    );
    if version_num >= 140_000 {
        all.extend(split("Infinity|-Infinity"));
    }
    let mut random = StdRng::seed_from_u64(2);
    let mut digits = |count: usize| {
        (0..count)
            .map(|_| {
                if random.random_bool(0.4) {
                    '0'
                } else {
                    char::from(random.random_range(b'0'..=b'9'))
                }
            })
            .collect::<String>()
    };
    for at in 0..2 * VALUES {
        let sign = if at % 3 == 0 { "-" } else { "" };
        let (whole, decimals) = (digits(at % 31 + 1), digits(at % 23));
        all.push(match at % 7 {
            0 => format!("{sign}{whole}e{}", at as i64 % 300 - 150),
            _ if decimals.is_empty() => format!("{sign}{whole}"),
            _ => format!("{sign}{whole}.{decimals}"),
        });
    }
    all.push(format!("{}.{}", digits(1000), digits(1000)));
    all
}

fn intervals(version_num: u32) -> Vec<String> {
    let mut all = split(
        "0|1 year|-1 year 2 months|11 months|-13 months|1 day|-1 day 1 second|-0.5 \
         seconds|0.000001 seconds|1 hour|1 minute|61 seconds|-61.5 seconds|1 year 2 months 3 days \
         4 hours 5 minutes 6.789 seconds|1 month -1 day -1 hour|2147483647 days|-2147483648 \
         days|2147483647 months|-2147483648 months|3600 seconds|-59.999999 seconds",
    );
    if version_num >= 170_000 {
        all.extend(split("infinity|-infinity"));
    }
    all
}

fn fields(of: &Type, version_num: u32) -> Vec<Vec<u8>> {
    let mut random = StdRng::seed_from_u64(u64::from(of.oid()));
    match *of {
        Type::FLOAT4 => {
            float4(&mut random).into_iter().map(|bits| bits.to_be_bytes().to_vec()).collect()
        }
        Type::FLOAT8 => {
            float8(&mut random).into_iter().map(|bits| bits.to_be_bytes().to_vec()).collect()
        }
        // Before version 16 what is not ASCII is sent as a byte, which is no UTF-8.
        Type::CHAR => (0..if version_num < 160_000 { 128 } else { 256 })
            .map(|byte: u16| vec![byte.to_be_bytes()[1]])
            .collect(),
        // These are spelt, and enough.
        Type::BOOL
        | Type::NUMERIC
        | Type::TEXT
        | Type::VARCHAR
        | Type::BPCHAR
        | Type::NAME
        | Type::JSON
        | Type::JSONB => Vec::new(),
        _ => (0..VALUES).map(|_| field(of, version_num, &mut random)).collect(),
    }
}

fn field(of: &Type, version_num: u32, random: &mut StdRng) -> Vec<u8> {
    match *of {
        Type::INT2 => random.random::<i16>().to_be_bytes().to_vec(),
        Type::INT4 => (random.random::<i32>() >> random.random_range(0..31)).to_be_bytes().to_vec(),
        Type::INT8 => (random.random::<i64>() >> random.random_range(0..63)).to_be_bytes().to_vec(),
        Type::BYTEA => bytes(random, 0..40),
        Type::UUID => bytes(random, 16..17),
        Type::MACADDR => bytes(random, 6..7),
        Type::MACADDR8 => bytes(random, 8..9),
        Type::DATE if random.random_bool(0.5) => {
            random.random_range(-2_451_545..2_145_031_949_i32).to_be_bytes().to_vec()
        }
        Type::DATE => random.random_range(-1_000_000..3_000_000_i32).to_be_bytes().to_vec(),
        Type::TIME => clock(random).to_be_bytes().to_vec(),
        Type::TIMETZ => {
            let (clock, step) = (clock(random), [1, 60, 900, 3600][random.random_range(0..4)]);
            let zone = random.random_range(-57_599 / step..=57_599 / step) * step;
            [&clock.to_be_bytes()[..], &i32::to_be_bytes(zone)].concat()
        }
        Type::TIMESTAMP | Type::TIMESTAMPTZ => {
            let day = match random.random_bool(0.5) {
                true => random.random_range(-2_451_545..106_751_991_i64),
                false => random.random_range(-800_000..20_000),
            };
            (day * US_PER_DAY + clock(random) % US_PER_DAY).to_be_bytes().to_vec()
        }
        Type::INTERVAL => {
            // Before version 15 an interval of more hours than an int4 holds cannot be written.
            let most = if version_num < 150_000 { 7_000_000_000_000_000_000 } else { i64::MAX };
            let us = random.random_range(-most..most) >> random.random_range(0..62);
            let [days, months] =
                [0; 2].map(|_: i32| random.random::<i32>() >> random.random_range(0..32));
            [&us.to_be_bytes()[..], &days.to_be_bytes(), &months.to_be_bytes()].concat()
        }
        Type::BIT | Type::VARBIT => {
            let bits = random.random_range(0..70_usize);
            let mut field = bytes(random, bits.div_ceil(8)..bits.div_ceil(8) + 1);
            if let (Some(last), true) = (field.last_mut(), bits % 8 != 0) {
                *last &= 0xff << (8 - bits % 8);
            }
            [&i32::try_from(bits).unwrap().to_be_bytes()[..], &field].concat()
        }
        Type::INET | Type::CIDR => address(*of == Type::CIDR, random),
        _ => panic!("no values of type {of} were thought of"),
    }
}

fn bytes(random: &mut StdRng, lengths: std::ops::Range<usize>) -> Vec<u8> {
    (0..random.random_range(lengths)).map(|_| random.random()).collect()
}

/// Often with a fraction that ends early.
fn clock(random: &mut StdRng) -> i64 {
    let step = 10_i64.pow(random.random_range(0..8));
    random.random_range(0..=US_PER_DAY) / step * step
}

/// Of many zeros; a `cidr` has none but zeros behind its mask.
fn address(is_cidr: bool, random: &mut StdRng) -> Vec<u8> {
    let (family, length) = [(2, 4), (3, 16)][random.random_range(0..2)];
    let mut address: Vec<u8> =
        (0..length).map(|_| if random.random_bool(0.5) { 0 } else { random.random() }).collect();
    let full = u8::try_from(8 * length).unwrap();
    let mask = if random.random_bool(0.3) { full } else { random.random_range(0..=full) };
    if is_cidr {
        for bit in mask..full {
            address[usize::from(bit / 8)] &= !(0x80 >> (bit % 8));
        }
    }
    let header = [family, mask, u8::from(is_cidr), u8::try_from(length).unwrap()];
    [&header[..], &address].concat()
}

/// All powers of two with the numbers beside them, powers of ten, and random numbers of all sizes.
fn float8(random: &mut StdRng) -> Vec<u64> {
    let powers = (0..2047_u64)
        .flat_map(|power| [power << 52, (power << 52) + 1, (power << 52 | 0x000f_ffff_ffff_ffff)]);
    let subnormal = (0..52).map(|bit| 1_u64 << bit);
    let tens = (-323..309).map(|power| format!("1e{power}").parse::<f64>().unwrap().to_bits());
    let mut all: Vec<u64> = powers.chain(subnormal).chain(tens).collect();
    for _ in 0..FLOATS {
        all.push(random.random::<u64>());
        // Whole numbers and quarters around 2^53, and round ones above it: here spellings lie
        // half-way.
        all.push(
            (random.random_range(0..1_u64 << 56) as f64
                / [1.0, 2.0, 4.0, 8.0][random.random_range(0..4)])
            .to_bits(),
        );
        all.push(
            (random.random_range(0..1_u64 << 34) as f64
                * 5_f64.powi(random.random_range(0..12))
                * 2_f64.powi(random.random_range(0..40)))
            .to_bits(),
        );
        all.push((random.random_range(0..1_000_000_u64) as f64 / 1000.0).to_bits());
    }
    all
}

fn float4(random: &mut StdRng) -> Vec<u32> {
    let powers = (0..255_u32)
        .flat_map(|power| [power << 23, (power << 23) + 1, (power << 23 | 0x007f_ffff)]);
    let subnormal = (0..23).map(|bit| 1_u32 << bit);
    let tens = (-45..39).map(|power| format!("1e{power}").parse::<f32>().unwrap().to_bits());
    let mut all: Vec<u32> = powers.chain(subnormal).chain(tens).collect();
    for _ in 0..FLOATS {
        all.push(random.random::<u32>());
        all.push(
            (random.random_range(0..1_u32 << 27) as f32
                / [1.0, 2.0, 4.0, 8.0][random.random_range(0..4)])
            .to_bits(),
        );
        all.push(
            (random.random_range(0..1_u32 << 16) as f32
                * 5_f32.powi(random.random_range(0..8))
                * 2_f32.powi(random.random_range(0..30)))
            .to_bits(),
        );
        all.push((random.random_range(0..100_000_u32) as f32 / 100.0).to_bits());
    }
    all
}
