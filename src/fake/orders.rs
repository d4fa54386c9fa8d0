//! A shop: customers order products, pay, and get what they ordered, or their money back.

use super::json::{Hundredths, JsonObject};
use super::locale::{Locale, PersonName, PostalAddress};
use super::operation::{EventDraft, EventSubject, OperationNumbers, uuid};
use super::origin::{EventGroup, WorldOrigin};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// How many customers and open orders are remembered; beyond it the older ones are left alone.
const REMEMBERED_MAX: usize = 10_000;
/// How many products are sold.
const PRODUCTS: usize = 60;
/// Lines of an order.
const LINES_MAX: u64 = 5;
/// A shop sells something before it has a customer.
const PRODUCTS_FIRST: usize = 5;
const THINGS: [(&str, u32); 12] = [
    ("Desk lamp", 3_990),
    ("Kettle", 4_950),
    ("Notebook, A5", 490),
    ("Fountain pen", 2_900),
    ("Headphones", 12_900),
    ("Rucksack", 8_995),
    ("Water bottle", 1_850),
    ("Keyboard", 7_490),
    ("Bicycle bell", 1_290),
    ("Wool blanket", 6_400),
    ("Coffee mill", 9_900),
    ("Umbrella", 2_495),
];
const COLOURS: [&str; 5] = ["black", "white", "sea green", "bordeaux", "señal orange"];
const CURRENCIES: [&str; 3] = ["EUR", "USD", "GBP"];
const CARDS: [&str; 3] = ["visa", "mastercard", "amex"];
const CARRIERS: [&str; 4] = ["DHL", "UPS", "Swiss Post", "La Poste"];

/// The generator of this world; events of about 620 bytes.
#[derive(Debug)]
pub struct OrderWorld {
    random: StdRng,
    pub(super) operations: OperationNumbers,
    locale: Locale,
    customers: Vec<String>,
    products: Vec<Product>,
    open: Vec<ShopOrder>,
}

#[derive(Debug)]
struct Product {
    id: String,
    title: String,
    cents: u32,
}

#[derive(Debug)]
struct ShopOrder {
    id: String,
    customer: String,
    cents: u32,
    currency: &'static str,
    stage: OrderStage,
}

#[derive(Debug)]
enum OrderStage {
    Placed,
    Paid { payment: String },
    Shipped { shipment: String },
}

impl OrderWorld {
    /// Starts with an empty shop.
    pub fn new(origin: &WorldOrigin) -> Self {
        let mut random = StdRng::seed_from_u64(origin.seed);
        Self {
            operations: OperationNumbers::new(origin, &mut random),
            random,
            locale: origin.locale,
            customers: Vec::new(),
            products: Vec::new(),
            open: Vec::new(),
        }
    }

    /// What happens next, in so many events at most.
    pub fn group(&mut self, events_max: u64) -> EventGroup {
        if self.products.len() < PRODUCTS_FIRST {
            return self.product();
        }
        if self.customers.is_empty() {
            return self.customer();
        }
        match self.random.random_range(0..20) {
            0 | 1 => self.customer(),
            2 => self.product_or_price(),
            3..9 if events_max > 1 => self.order(events_max.min(LINES_MAX + 1)),
            _ if self.open.is_empty() => self.customer(),
            _ => self.progress(events_max),
        }
    }

    fn customer(&mut self) -> EventGroup {
        let id = uuid(&mut self.random);
        let PersonName { first, last } = self.locale.name(&mut self.random);
        let PostalAddress { street, city } = self.locale.place(&mut self.random);
        let contents = JsonObject::new()
            .text("entity_id", &id)
            .text("firstName", &first)
            .text("lastName", &last)
            .text("street", &format!("{street} {}", self.random.random_range(1..200)))
            .text("city", &city)
            .text(
                "email",
                &format!("customer{}@example.com", self.random.random_range(1..1_000_000)),
            );
        keep(&mut self.customers, id.clone(), &mut self.random);
        self.single(
            "Register customer",
            "CustomerRegistered",
            EventSubject::of("Customer", &id, "Registered"),
            contents,
        )
    }

    fn product_or_price(&mut self) -> EventGroup {
        if self.products.len() < PRODUCTS {
            return self.product();
        }
        let chosen = self.random.random_range(0..PRODUCTS);
        let product = &mut self.products[chosen];
        let before = product.cents;
        product.cents = (before * self.random.random_range(80..125) / 100).clamp(95, 99_995);
        let contents = JsonObject::new()
            .text("entity_id", &product.id)
            .plain("before", Hundredths(before))
            .plain("after", Hundredths(product.cents));
        let id = product.id.clone();
        let subject =
            EventSubject { property: Some("price"), ..EventSubject::of("Product", &id, "Changed") };
        self.single("Change price", "ProductPriceChanged", subject, contents)
    }

    fn product(&mut self) -> EventGroup {
        let id = uuid(&mut self.random);
        let (thing, cents) = THINGS[self.products.len() % THINGS.len()];
        let title =
            format!("{thing}, {}", COLOURS[self.products.len() / THINGS.len() % COLOURS.len()]);
        let contents = JsonObject::new()
            .text("entity_id", &id)
            .text("sku", &format!("CF-{:05}", self.random.random_range(0..100_000)))
            .text("title", &title)
            .plain("price", Hundredths(cents));
        self.products.push(Product { id: id.clone(), title, cents });
        self.single(
            "List product",
            "ProductListed",
            EventSubject::of("Product", &id, "Listed"),
            contents,
        )
    }

    /// `OrderPlaced` and a line for each product.
    fn order(&mut self, events_max: u64) -> EventGroup {
        let id = uuid(&mut self.random);
        let customer = self.customers[self.random.random_range(0..self.customers.len())].clone();
        let currency = CURRENCIES[self.random.random_range(0..CURRENCIES.len())];
        let lines = self.random.random_range(1..events_max);
        let mut cents = 0;
        let mut contents = Vec::new();
        for line in 1..=lines {
            let product = &self.products[self.random.random_range(0..self.products.len())];
            let quantity = self.random.random_range(1..4);
            cents += product.cents * quantity;
            contents.push(
                JsonObject::new()
                    .text("entity_id", &id)
                    .plain("line", line)
                    .text("productId", &product.id)
                    .text("title", &product.title)
                    .plain("quantity", quantity)
                    .plain("price", Hundredths(product.cents)),
            );
        }
        let placed = JsonObject::new()
            .text("entity_id", &id)
            .text("customerId", &customer)
            .text("orderNumber", &format!("2026-{:07}", self.random.random_range(0..10_000_000)))
            .plain("lines", lines)
            .plain("total", Hundredths(cents))
            .text("currency", currency);
        let added = contents.into_iter().map(|line| ("OrderLineAdded", "LineAdded", line));
        let events: Vec<_> = [("OrderPlaced", "Placed", placed)].into_iter().chain(added).collect();
        let drafts = events.into_iter().map(|(name, operation, contents)| EventDraft {
            name,
            subject: Some(EventSubject::of("Order", &id, operation)),
            contents: contents.end(),
        });
        let group = self.operations.group(&mut self.random, "Place order", drafts.collect());
        let order = ShopOrder { id, customer, cents, currency, stage: OrderStage::Placed };
        keep(&mut self.open, order, &mut self.random);
        group
    }

    /// The next step of some open order.
    fn progress(&mut self, events_max: u64) -> EventGroup {
        let chosen = self.random.random_range(0..self.open.len());
        let mut order = self.open.swap_remove(chosen);
        match std::mem::replace(&mut order.stage, OrderStage::Placed) {
            OrderStage::Placed if self.random.random_range(0..10) == 0 => {
                let payment = uuid(&mut self.random);
                let group = self.payment(&order, &payment, "PaymentDeclined", "Declined");
                self.open.push(order);
                group
            }
            OrderStage::Placed => {
                let payment = uuid(&mut self.random);
                let group = self.payment(&order, &payment, "PaymentReceived", "Received");
                order.stage = OrderStage::Paid { payment };
                self.open.push(order);
                group
            }
            OrderStage::Paid { payment }
                if events_max > 1 && self.random.random_range(0..15) == 0 =>
            {
                self.cancellation(&order, &payment)
            }
            OrderStage::Paid { .. } => self.shipment(order),
            OrderStage::Shipped { shipment } => {
                let contents =
                    JsonObject::new().text("entity_id", &order.id).text("shipmentId", &shipment);
                let subject = EventSubject::of("Order", &order.id, "Delivered");
                self.single("Confirm delivery", "OrderDelivered", subject, contents)
            }
        }
    }

    fn payment(
        &mut self,
        order: &ShopOrder,
        payment: &str,
        name: &'static str,
        operation: &'static str,
    ) -> EventGroup {
        let contents = JsonObject::new()
            .text("entity_id", payment)
            .text("orderId", &order.id)
            .text("customerId", &order.customer)
            .plain("amount", Hundredths(order.cents))
            .text("currency", order.currency)
            .text("card", CARDS[self.random.random_range(0..CARDS.len())])
            .text("lastFour", &format!("{:04}", self.random.random_range(0..10_000)));
        self.single("Pay order", name, EventSubject::of("Payment", payment, operation), contents)
    }

    fn cancellation(&mut self, order: &ShopOrder, payment: &str) -> EventGroup {
        let cancelled = JsonObject::new()
            .text("entity_id", &order.id)
            .text("reason", "customer changed their mind");
        let refunded = JsonObject::new()
            .text("entity_id", payment)
            .text("orderId", &order.id)
            .plain("amount", Hundredths(order.cents))
            .text("currency", order.currency);
        let drafts = vec![
            EventDraft {
                name: "OrderCancelled",
                subject: Some(EventSubject::of("Order", &order.id, "Cancelled")),
                contents: cancelled.end(),
            },
            EventDraft {
                name: "PaymentRefunded",
                subject: Some(EventSubject::of("Payment", payment, "Refunded")),
                contents: refunded.end(),
            },
        ];
        self.operations.group(&mut self.random, "Cancel order", drafts)
    }

    fn shipment(&mut self, mut order: ShopOrder) -> EventGroup {
        let shipment = uuid(&mut self.random);
        let tracking = format!("{:012}", self.random.random_range(0..1_000_000_000_000_u64));
        let contents = JsonObject::new()
            .text("entity_id", &order.id)
            .text("shipmentId", &shipment)
            .text("carrier", CARRIERS[self.random.random_range(0..CARRIERS.len())])
            .text("trackingNumber", &tracking);
        let group = self.single(
            "Ship order",
            "OrderShipped",
            EventSubject::of("Order", &order.id, "Shipped"),
            contents,
        );
        order.stage = OrderStage::Shipped { shipment };
        self.open.push(order);
        group
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

/// Adds one to those that are remembered, in the place of another if there are too many.
fn keep<T>(remembered: &mut Vec<T>, one: T, random: &mut StdRng) {
    if remembered.len() < REMEMBERED_MAX {
        remembered.push(one);
    } else {
        let forgotten = random.random_range(0..REMEMBERED_MAX);
        remembered[forgotten] = one;
    }
}
