import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import javax.jms.*;
import org.apache.activemq.ActiveMQConnectionFactory;
import org.apache.activemq.broker.BrokerService;
import org.apache.activemq.broker.TransportConnector;
import org.apache.activemq.broker.region.policy.*;

/**
 * What applications do with retroactive consumers and limits of topic consumers through JMS. Argument:
 * the URI of a broker with the policies of {@link #activeMq}, or `activemq` for one of its own. For
 * each scenario one line says `ok NAME` or `failed NAME: why`.
 *
 * With `send` or `receive` and a URI: sends a message to be retained and one to be the last image, or
 * says what a late consumer of both gets.
 */
public final class JmsRetroactive {
  /** Longer than anything takes; a scenario that waits for it has failed. */
  private static final long PATIENCE_MS = 10_000;
  /** Long enough to see that nothing comes. */
  private static final long SILENCE_MS = 150;

  private interface Scenario {
    void run() throws Exception;
  }

  private final Map<String, Scenario> scenarios = new LinkedHashMap<>();
  private final Session session;

  private JmsRetroactive(Connection connection) throws JMSException {
    connection.start();
    session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
    scenarios.put("a late consumer gets the last image, then what everybody gets", this::lastImage);
    scenarios.put("a wildcard consumer gets the last image of each topic", this::wildcard);
    scenarios.put("a consumer that does not ask gets nothing from before", this::notAsked);
    scenarios.put("a late consumer gets as many messages as are kept", this::fixedCount);
    scenarios.put("a late consumer gets what was retained, marked as such", this::retained);
    scenarios.put("an empty message clears what was retained", this::cleared);
    scenarios.put("a consumer that takes nothing keeps the newest of its limit", this::limited);
  }

  public static void main(String[] args) throws Exception {
    if (args.length > 1) {
      acrossTakeover(args[0], args[1]);
      return;
    }
    String uri = args[0].equals("activemq") ? startActiveMq() : args[0];
    Connection connection = new ActiveMQConnectionFactory(uri).createConnection();
    System.exit(new JmsRetroactive(connection).runAll() ? 0 : 1);
  }

  /** Returns its URI. Messages must pass a socket to be what consumers of other machines see. */
  private static String startActiveMq() throws Exception {
    BrokerService broker = activeMq();
    TransportConnector connector = broker.addConnector("tcp://127.0.0.1:0");
    broker.start();
    return connector.getConnectUri().toString();
  }

  private static BrokerService activeMq() {
    BrokerService broker = new BrokerService();
    broker.setBrokerName("retroactive");
    broker.setPersistent(false);
    broker.setUseJmx(false);
    PolicyEntry last = entry("LAST.>");
    last.setDispatchPolicy(new StrictOrderDispatchPolicy());
    last.setSubscriptionRecoveryPolicy(new LastImageSubscriptionRecoveryPolicy());
    PolicyEntry count = entry("COUNT.>");
    FixedCountSubscriptionRecoveryPolicy fixed = new FixedCountSubscriptionRecoveryPolicy();
    fixed.setMaximumSize(2);
    count.setSubscriptionRecoveryPolicy(fixed);
    PolicyEntry retain = entry("RETAIN.>");
    retain.setSubscriptionRecoveryPolicy(new RetainedMessageSubscriptionRecoveryPolicy(null));
    PolicyEntry limit = entry("LIMIT.>");
    ConstantPendingMessageLimitStrategy constant = new ConstantPendingMessageLimitStrategy();
    constant.setLimit(2);
    limit.setPendingMessageLimitStrategy(constant);
    PolicyMap policies = new PolicyMap();
    policies.setPolicyEntries(List.of(last, count, retain, limit));
    broker.setDestinationPolicy(policies);
    return broker;
  }

  private static PolicyEntry entry(String topic) {
    PolicyEntry entry = new PolicyEntry();
    entry.setTopic(topic);
    return entry;
  }

  private boolean runAll() {
    boolean isEverythingOk = true;
    for (Map.Entry<String, Scenario> entry : scenarios.entrySet()) {
      try {
        entry.getValue().run();
        System.out.println("ok " + entry.getKey());
      } catch (Throwable problem) {
        isEverythingOk = false;
        System.out.println("failed " + entry.getKey() + ": " + problem);
      }
    }
    return isEverythingOk;
  }

  private void lastImage() throws Exception {
    send("LAST.A", "1", "2", "3");
    MessageConsumer late = retroactive("LAST.A");
    MessageConsumer plain = consumer("LAST.A");
    send("LAST.A", "4", "5");
    expect(late, "3", "4", "5");
    expect(plain, "4", "5");
  }

  private void wildcard() throws Exception {
    send("LAST.W.1", "old", "one");
    send("LAST.W.2", "two");
    MessageConsumer late = retroactive("LAST.W.>");
    List<String> texts = new ArrayList<>(List.of(text(late), text(late)));
    texts.sort(null);
    equal(texts, List.of("one", "two"));
    nothing(late);
  }

  private void notAsked() throws Exception {
    send("LAST.B", "1");
    nothing(consumer("LAST.B"));
  }

  private void fixedCount() throws Exception {
    send("COUNT.A", "1", "2", "3");
    MessageConsumer late = retroactive("COUNT.A");
    expect(late, "2", "3");
    nothing(late);
  }

  private void retained() throws Exception {
    MessageConsumer live = consumer("RETAIN.A");
    retain("RETAIN.A", "kept");
    send("RETAIN.A", "plain");
    Message now = live.receive(PATIENCE_MS);
    equal(now.propertyExists("ActiveMQ.Retain"), false);
    equal(now.propertyExists("ActiveMQ.Retained"), false);
    TextMessage late = (TextMessage) retroactive("RETAIN.A").receive(PATIENCE_MS);
    equal(late.getText(), "kept");
    equal(late.getBooleanProperty("ActiveMQ.Retained"), true);
  }

  private void cleared() throws Exception {
    retain("RETAIN.B", "kept");
    BytesMessage empty = session.createBytesMessage();
    empty.writeBytes(new byte[0]);
    empty.setBooleanProperty("ActiveMQ.Retain", true);
    session.createProducer(session.createTopic("RETAIN.B")).send(empty);
    nothing(retroactive("RETAIN.B"));
  }

  private void limited() throws Exception {
    MessageConsumer slow = consumer("LIMIT.A?consumer.prefetchSize=1");
    MessageProducer producer = session.createProducer(session.createTopic("LIMIT.A"));
    producer.setDeliveryMode(DeliveryMode.PERSISTENT);
    for (int index = 0; index < 10; index++) producer.send(session.createTextMessage("m" + index));
    expect(slow, "m0", "m8", "m9");
    nothing(slow);
  }

  private static void acrossTakeover(String what, String uri) throws Exception {
    JmsRetroactive client = new JmsRetroactive(new ActiveMQConnectionFactory(uri).createConnection());
    if (what.equals("send")) {
      client.retain("STORED.RETAIN", "retained");
      client.send("STORED.LAST", "1", "2");
      System.out.println("sent");
    } else {
      String retained = text(client.retroactive("STORED.RETAIN"));
      System.out.println("received " + retained + " " + text(client.retroactive("STORED.LAST")));
    }
    System.exit(0);
  }

  // --- what scenarios are made of

  private MessageConsumer consumer(String topic) throws JMSException {
    return session.createConsumer(session.createTopic(topic));
  }

  private MessageConsumer retroactive(String topic) throws JMSException {
    return consumer(topic + "?consumer.retroactive=true");
  }

  private void send(String topic, String... texts) throws JMSException {
    MessageProducer producer = session.createProducer(session.createTopic(topic));
    for (String text : texts) producer.send(session.createTextMessage(text));
  }

  private void retain(String topic, String text) throws JMSException {
    TextMessage message = session.createTextMessage(text);
    message.setBooleanProperty("ActiveMQ.Retain", true);
    session.createProducer(session.createTopic(topic)).send(message);
  }

  private static String text(MessageConsumer consumer) throws JMSException {
    TextMessage message = (TextMessage) consumer.receive(PATIENCE_MS);
    return message == null ? "nothing" : message.getText();
  }

  private static void expect(MessageConsumer consumer, String... texts) throws JMSException {
    for (String text : texts) equal(text(consumer), text);
  }

  private static void nothing(MessageConsumer consumer) throws JMSException {
    Message message = consumer.receive(SILENCE_MS);
    if (message != null) throw new AssertionError("nothing expected, got " + message);
  }

  private static void equal(Object actual, Object expected) {
    if (!expected.equals(actual)) throw new AssertionError("expected " + expected + ", got " + actual);
  }
}
