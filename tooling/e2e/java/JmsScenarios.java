import java.util.ArrayList;
import java.util.Arrays;
import java.util.Enumeration;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import javax.jms.*;
import org.apache.activemq.ActiveMQConnectionFactory;
import org.apache.activemq.ActiveMQSession;
import org.apache.activemq.RedeliveryPolicy;

/**
 * What applications do with a broker through JMS. Argument: the broker's URI. For each scenario one
 * line says `ok NAME` or `failed NAME: why`. Every scenario uses destinations of its own.
 */
public final class JmsScenarios {
  /** Longer than anything takes; a scenario that waits for it has failed. */
  private static final long PATIENCE_MS = 10_000;
  /** Long enough to see that nothing comes. */
  private static final long SILENCE_MS = 100;

  private interface Scenario {
    void run() throws Exception;
  }

  private final ActiveMQConnectionFactory factory;
  private final Map<String, Scenario> scenarios = new LinkedHashMap<>();
  private final List<Connection> connections = new ArrayList<>();
  private String scenario;

  private JmsScenarios(String uri) {
    factory = new ActiveMQConnectionFactory(uri);
    scenarios.put("every kind of persistent message arrives as it was sent", () -> kinds(DeliveryMode.PERSISTENT));
    scenarios.put("every kind of non-persistent message arrives as it was sent", () -> kinds(DeliveryMode.NON_PERSISTENT));
    scenarios.put("headers and properties arrive as they were sent", this::headers);
    scenarios.put("a large message arrives whole", this::largeMessage);
    scenarios.put("messages of a producer keep their order", this::order);
    scenarios.put("a compressed message arrives as it was sent", this::compressed);
    scenarios.put("sends of a transaction are seen at its commit and not before", this::transactedSends);
    scenarios.put("receives of a transaction come back after its rollback", this::transactedReceives);
    scenarios.put("client acknowledge consumes what was received so far", this::clientAcknowledge);
    scenarios.put("individual acknowledge consumes one message", this::individualAcknowledge);
    scenarios.put("lazy acknowledge consumes too", this::lazyAcknowledge);
    scenarios.put("unacknowledged messages of a closed consumer go to the next one", this::redeliveryAfterClose);
    scenarios.put("a message rolled back too often becomes a dead letter", this::deadLetter);
    scenarios.put("an expired message is not delivered", this::expired);
    scenarios.put("a consumer without prefetch pulls", this::pull);
    scenarios.put("a browser sees messages in order and consumes none", this::browser);
    scenarios.put("a request is answered through a temporary queue", this::requestReply);
    scenarios.put("a temporary topic reaches its consumers", this::temporaryTopic);
    scenarios.put("every consumer of a topic gets every message", this::topic);
    scenarios.put("consumers of a queue share its messages", this::competingConsumers);
    scenarios.put("a listener gets messages in order", this::listener);
    scenarios.put("a composite destination is all of its parts", this::composite);
    scenarios.put("a wildcard consumes from all it covers", this::wildcard);
    scenarios.put("a name in use by another connection is refused", this::clientIdInUse);
  }

  public static void main(String[] args) throws Exception {
    System.exit(new JmsScenarios(args[0]).runAll() ? 0 : 1);
  }

  private boolean runAll() {
    boolean isEverythingOk = true;
    for (Map.Entry<String, Scenario> entry : scenarios.entrySet()) {
      scenario = entry.getKey();
      try {
        entry.getValue().run();
        System.out.println("ok " + scenario);
      } catch (Throwable problem) {
        isEverythingOk = false;
        StackTraceElement place = Arrays.stream(problem.getStackTrace())
            .filter(element -> element.getClassName().startsWith("JmsScenarios"))
            .findFirst().orElse(problem.getStackTrace()[0]);
        System.out.println("failed " + scenario + ": " + problem + " at " + place);
      } finally {
        closeConnections();
      }
    }
    return isEverythingOk;
  }

  // --- messages ---

  private void kinds(int deliveryMode) throws Exception {
    Session session = session(Session.AUTO_ACKNOWLEDGE);
    MessageProducer producer = session.createProducer(queue(session));
    producer.setDeliveryMode(deliveryMode);
    producer.send(session.createMessage());
    producer.send(session.createTextMessage("Grüße, \u65e5\u672c, \ud83d\ude80"));
    producer.send(session.createTextMessage(null));
    BytesMessage bytes = session.createBytesMessage();
    bytes.writeInt(42);
    bytes.writeUTF("text");
    bytes.writeDouble(1.5);
    producer.send(bytes);
    MapMessage map = session.createMapMessage();
    map.setInt("int", -1);
    map.setString("string", "value");
    map.setBytes("bytes", new byte[] {1, 2, 3});
    producer.send(map);
    StreamMessage stream = session.createStreamMessage();
    stream.writeLong(Long.MIN_VALUE);
    stream.writeString("next");
    producer.send(stream);
    producer.send(session.createObjectMessage("serialised"));

    MessageConsumer consumer = session.createConsumer(queue(session));
    check(receive(consumer) != null, "an empty message");
    equal(text(receive(consumer)), "Grüße, \u65e5\u672c, \ud83d\ude80");
    equal(text(receive(consumer)), null);
    BytesMessage gotBytes = (BytesMessage) receive(consumer);
    equal(gotBytes.readInt(), 42);
    equal(gotBytes.readUTF(), "text");
    equal(gotBytes.readDouble(), 1.5);
    MapMessage gotMap = (MapMessage) receive(consumer);
    equal(gotMap.getInt("int"), -1);
    equal(gotMap.getString("string"), "value");
    check(Arrays.equals(gotMap.getBytes("bytes"), new byte[] {1, 2, 3}), "bytes of a map");
    StreamMessage gotStream = (StreamMessage) receive(consumer);
    equal(gotStream.readLong(), Long.MIN_VALUE);
    equal(gotStream.readString(), "next");
    ObjectMessage gotObject = (ObjectMessage) receive(consumer);
    equal(gotObject.getJMSDeliveryMode(), deliveryMode);
  }

  private void headers() throws Exception {
    Session session = session(Session.AUTO_ACKNOWLEDGE);
    TextMessage sent = session.createTextMessage("x");
    sent.setJMSCorrelationID("correlation");
    sent.setJMSType("type");
    sent.setJMSReplyTo(session.createQueue(name("reply")));
    sent.setBooleanProperty("boolean", true);
    sent.setByteProperty("byte", (byte) -7);
    sent.setShortProperty("short", (short) 300);
    sent.setIntProperty("int", 70_000);
    sent.setLongProperty("long", 1L << 40);
    sent.setFloatProperty("float", 0.5f);
    sent.setDoubleProperty("double", 0.1);
    sent.setStringProperty("string", "ä");
    MessageProducer producer = session.createProducer(queue(session));
    producer.send(sent, DeliveryMode.PERSISTENT, 7, 3_600_000);

    Message got = receive(session.createConsumer(queue(session)));
    equal(got.getJMSMessageID(), sent.getJMSMessageID());
    equal(got.getJMSTimestamp(), sent.getJMSTimestamp());
    equal(got.getJMSExpiration(), sent.getJMSExpiration());
    equal(got.getJMSPriority(), 7);
    equal(got.getJMSDestination(), queue(session));
    equal(got.getJMSCorrelationID(), "correlation");
    equal(got.getJMSType(), "type");
    equal(got.getJMSReplyTo(), session.createQueue(name("reply")));
    equal(got.getJMSRedelivered(), false);
    equal(got.getIntProperty("JMSXDeliveryCount"), 1);
    equal(got.getBooleanProperty("boolean"), true);
    equal(got.getByteProperty("byte"), (byte) -7);
    equal(got.getShortProperty("short"), (short) 300);
    equal(got.getIntProperty("int"), 70_000);
    equal(got.getLongProperty("long"), 1L << 40);
    equal(got.getFloatProperty("float"), 0.5f);
    equal(got.getDoubleProperty("double"), 0.1);
    equal(got.getStringProperty("string"), "ä");
  }

  private void largeMessage() throws Exception {
    Session session = session(Session.AUTO_ACKNOWLEDGE);
    byte[] body = new byte[3_000_000];
    for (int index = 0; index < body.length; index++) body[index] = (byte) (index * 31);
    BytesMessage sent = session.createBytesMessage();
    sent.writeBytes(body);
    session.createProducer(queue(session)).send(sent);
    BytesMessage got = (BytesMessage) receive(session.createConsumer(queue(session)));
    byte[] read = new byte[body.length];
    equal(got.getBodyLength(), (long) body.length);
    equal(got.readBytes(read), body.length);
    check(Arrays.equals(read, body), "the body is the same");
  }

  private void order() throws Exception {
    Session session = session(Session.AUTO_ACKNOWLEDGE);
    send(session, queue(session), 0, 2_000);
    expect(session.createConsumer(queue(session)), 0, 2_000);
  }

  private void compressed() throws Exception {
    factory.setUseCompression(true);
    try {
      Session session = session(Session.AUTO_ACKNOWLEDGE);
      String body = "0123456789".repeat(5_000);
      session.createProducer(queue(session)).send(session.createTextMessage(body));
      equal(text(receive(session.createConsumer(queue(session)))), body);
    } finally {
      factory.setUseCompression(false);
    }
  }

  // --- transactions and acknowledgement ---

  private void transactedSends() throws Exception {
    Session transacted = session(Session.SESSION_TRANSACTED);
    Session other = session(Session.AUTO_ACKNOWLEDGE);
    MessageConsumer consumer = other.createConsumer(queue(other));
    send(transacted, queue(transacted), 0, 5);
    nothing(consumer);
    transacted.rollback();
    send(transacted, queue(transacted), 5, 10);
    nothing(consumer);
    transacted.commit();
    expect(consumer, 5, 10);
    nothing(consumer);
  }

  private void transactedReceives() throws Exception {
    Session session = session(Session.SESSION_TRANSACTED);
    send(session, queue(session), 0, 5);
    session.commit();
    MessageConsumer consumer = session.createConsumer(queue(session));
    expect(consumer, 0, 5);
    session.rollback();
    for (int index = 0; index < 5; index++) {
      Message message = receive(consumer);
      equal(text(message), "m" + index);
      equal(message.getJMSRedelivered(), true);
      equal(message.getIntProperty("JMSXDeliveryCount"), 2);
    }
    session.commit();
    consumer.close();
    nothing(session.createConsumer(queue(session)));
  }

  private void clientAcknowledge() throws Exception {
    Session session = session(Session.CLIENT_ACKNOWLEDGE);
    send(session, queue(session), 0, 6);
    MessageConsumer consumer = session.createConsumer(queue(session));
    expect(consumer, 0, 2);
    Message third = receive(consumer);
    third.acknowledge();
    expect(consumer, 3, 5);
    session.recover();
    expect(consumer, 3, 5);
    consumer.close();
    session.close();
    expect(session(Session.AUTO_ACKNOWLEDGE).createConsumer(third.getJMSDestination()), 3, 6);
  }

  private void individualAcknowledge() throws Exception {
    Session session = session(ActiveMQSession.INDIVIDUAL_ACKNOWLEDGE);
    send(session, queue(session), 0, 3);
    MessageConsumer consumer = session.createConsumer(queue(session));
    receive(consumer);
    receive(consumer).acknowledge();
    receive(consumer);
    session.close();
    Session other = session(Session.AUTO_ACKNOWLEDGE);
    MessageConsumer next = other.createConsumer(queue(other));
    equal(text(receive(next)), "m0");
    equal(text(receive(next)), "m2");
    nothing(next);
  }

  private void lazyAcknowledge() throws Exception {
    Session session = session(Session.DUPS_OK_ACKNOWLEDGE);
    send(session, queue(session), 0, 100);
    MessageConsumer consumer = session.createConsumer(queue(session));
    expect(consumer, 0, 100);
    session.close();
    Session other = session(Session.AUTO_ACKNOWLEDGE);
    nothing(other.createConsumer(queue(other)));
  }

  private void redeliveryAfterClose() throws Exception {
    Session first = session(Session.CLIENT_ACKNOWLEDGE);
    send(first, queue(first), 0, 4);
    expect(first.createConsumer(queue(first)), 0, 2);
    first.close();
    Session second = session(Session.AUTO_ACKNOWLEDGE);
    MessageConsumer consumer = second.createConsumer(queue(second));
    for (int index = 0; index < 4; index++) {
      Message message = receive(consumer);
      equal(text(message), "m" + index);
      if (index < 2) equal(message.getJMSRedelivered(), true);
    }
  }

  private void deadLetter() throws Exception {
    RedeliveryPolicy policy = new RedeliveryPolicy();
    policy.setMaximumRedeliveries(1);
    policy.setInitialRedeliveryDelay(0);
    policy.setRedeliveryDelay(0);
    factory.setRedeliveryPolicy(policy);
    try {
      Session session = session(Session.SESSION_TRANSACTED);
      send(session, queue(session), 0, 1);
      session.commit();
      MessageConsumer consumer = session.createConsumer(queue(session));
      receive(consumer);
      session.rollback();
      receive(consumer);
      session.rollback();
      Session other = session(Session.AUTO_ACKNOWLEDGE);
      equal(text(receive(other.createConsumer(other.createQueue("ActiveMQ.DLQ")))), "m0");
    } finally {
      factory.setRedeliveryPolicy(new RedeliveryPolicy());
    }
  }

  private void expired() throws Exception {
    Session session = session(Session.AUTO_ACKNOWLEDGE);
    MessageProducer producer = session.createProducer(queue(session));
    TextMessage dead = session.createTextMessage("dead");
    producer.send(dead, DeliveryMode.PERSISTENT, 4, 1);
    while (System.currentTimeMillis() <= dead.getJMSExpiration()) Thread.onSpinWait();
    producer.send(session.createTextMessage("alive"), DeliveryMode.PERSISTENT, 4, 0);
    equal(text(receive(session.createConsumer(queue(session)))), "alive");
  }

  // --- ways to receive ---

  private void pull() throws Exception {
    Session session = session(Session.AUTO_ACKNOWLEDGE);
    Queue pulled = session.createQueue(name("queue") + "?consumer.prefetchSize=0");
    MessageConsumer consumer = session.createConsumer(pulled);
    nothing(consumer);
    check(consumer.receiveNoWait() == null, "nothing is there yet");
    send(session, queue(session), 0, 3);
    equal(text(consumer.receiveNoWait()), "m0");
    expect(consumer, 1, 3);
    nothing(consumer);
  }

  private void browser() throws Exception {
    Session session = session(Session.AUTO_ACKNOWLEDGE);
    send(session, queue(session), 0, 50);
    for (int round = 0; round < 2; round++) {
      QueueBrowser browser = session.createBrowser(queue(session));
      Enumeration<?> seen = browser.getEnumeration();
      for (int index = 0; index < 50; index++) {
        check(seen.hasMoreElements(), "message " + index + " is seen");
        equal(text((Message) seen.nextElement()), "m" + index);
      }
      check(!seen.hasMoreElements(), "nothing else is seen");
      browser.close();
    }
    expect(session.createConsumer(queue(session)), 0, 50);
  }

  private void requestReply() throws Exception {
    Session server = session(Session.AUTO_ACKNOWLEDGE);
    MessageProducer answers = server.createProducer(null);
    server.createConsumer(queue(server)).setMessageListener(request -> {
      try {
        answers.send(request.getJMSReplyTo(), server.createTextMessage("re: " + text(request)));
      } catch (JMSException problem) {
        problem.printStackTrace();
      }
    });
    Session client = session(Session.AUTO_ACKNOWLEDGE);
    TemporaryQueue replies = client.createTemporaryQueue();
    MessageConsumer consumer = client.createConsumer(replies);
    MessageProducer requests = client.createProducer(queue(client));
    for (int index = 0; index < 20; index++) {
      TextMessage request = client.createTextMessage("m" + index);
      request.setJMSReplyTo(replies);
      requests.send(request);
      equal(text(receive(consumer)), "re: m" + index);
    }
    consumer.close();
    replies.delete();
  }

  private void temporaryTopic() throws Exception {
    Session session = session(Session.AUTO_ACKNOWLEDGE);
    TemporaryTopic topic = session.createTemporaryTopic();
    MessageConsumer consumer = session.createConsumer(topic);
    send(session, topic, 0, 3);
    expect(consumer, 0, 3);
  }

  private void topic() throws Exception {
    Session session = session(Session.AUTO_ACKNOWLEDGE);
    Topic topic = session.createTopic(name("topic"));
    send(session, topic, 0, 1);
    MessageConsumer first = session.createConsumer(topic);
    Session other = session(Session.AUTO_ACKNOWLEDGE);
    MessageConsumer second = other.createConsumer(topic);
    send(session, topic, 1, 50);
    expect(first, 1, 50);
    expect(second, 1, 50);
    nothing(first);
  }

  private void competingConsumers() throws Exception {
    Session first = session(Session.AUTO_ACKNOWLEDGE);
    Session second = session(Session.AUTO_ACKNOWLEDGE);
    Queue shared = first.createQueue(name("queue") + "?consumer.prefetchSize=1");
    MessageConsumer[] consumers = {first.createConsumer(shared), second.createConsumer(shared)};
    send(session(Session.AUTO_ACKNOWLEDGE), queue(first), 0, 20);
    Set<String> seen = new HashSet<>();
    for (int round = 0; round < 10; round++) {
      for (MessageConsumer consumer : consumers) seen.add(text(receive(consumer)));
    }
    equal(seen.size(), 20);
  }

  private void listener() throws Exception {
    Session session = session(Session.AUTO_ACKNOWLEDGE);
    List<String> got = new ArrayList<>();
    CountDownLatch all = new CountDownLatch(100);
    session.createConsumer(queue(session)).setMessageListener(message -> {
      try {
        got.add(text(message));
      } catch (JMSException problem) {
        got.add(problem.toString());
      }
      all.countDown();
    });
    Session other = session(Session.AUTO_ACKNOWLEDGE);
    send(other, queue(other), 0, 100);
    check(all.await(PATIENCE_MS, TimeUnit.MILLISECONDS), "all messages came");
    for (int index = 0; index < 100; index++) equal(got.get(index), "m" + index);
  }

  // --- names ---

  private void composite() throws Exception {
    Session session = session(Session.AUTO_ACKNOWLEDGE);
    Queue both = session.createQueue(name("a") + "," + name("b") + ",topic://" + name("c"));
    MessageConsumer onTopic = session.createConsumer(session.createTopic(name("c")));
    send(session, both, 0, 3);
    expect(session.createConsumer(session.createQueue(name("a"))), 0, 3);
    expect(session.createConsumer(session.createQueue(name("b"))), 0, 3);
    expect(onTopic, 0, 3);
  }

  private void wildcard() throws Exception {
    Session session = session(Session.AUTO_ACKNOWLEDGE);
    MessageConsumer everything = session.createConsumer(session.createTopic(name("w") + ".>"));
    MessageConsumer level = session.createConsumer(session.createTopic(name("w") + ".*"));
    send(session, session.createTopic(name("w") + ".x"), 0, 1);
    send(session, session.createTopic(name("w") + ".x.y"), 1, 2);
    expect(everything, 0, 2);
    expect(level, 0, 1);
    nothing(level);
  }

  private void clientIdInUse() throws Exception {
    Connection first = connection();
    first.setClientID("the one");
    first.start();
    Connection second = connection();
    try {
      second.setClientID("the one");
      second.start();
    } catch (InvalidClientIDException expected) {
      return;
    }
    throw new AssertionError("the second connection was let in");
  }

  // --- helpers ---

  private Connection connection() throws JMSException {
    Connection connection = factory.createConnection();
    connections.add(connection);
    return connection;
  }

  private Session session(int acknowledgeMode) throws JMSException {
    Connection connection = connection();
    connection.start();
    return connection.createSession(acknowledgeMode == Session.SESSION_TRANSACTED, acknowledgeMode);
  }

  private void closeConnections() {
    for (Connection connection : connections) {
      try {
        connection.close();
      } catch (JMSException gone) {
        // It was closed or refused before.
      }
    }
    connections.clear();
  }

  /** A name of this scenario alone. */
  private String name(String part) {
    return part + "." + Integer.toHexString(scenario.hashCode());
  }

  private Queue queue(Session session) throws JMSException {
    return session.createQueue(name("queue"));
  }

  /** Sends the texts `m` and a number, from `from` to before `to`. */
  private void send(Session session, Destination destination, int from, int to) throws JMSException {
    MessageProducer producer = session.createProducer(destination);
    for (int index = from; index < to; index++) producer.send(session.createTextMessage("m" + index));
    producer.close();
  }

  /** Receives what {@link #send} sent with the same numbers, in order. */
  private void expect(MessageConsumer consumer, int from, int to) throws JMSException {
    for (int index = from; index < to; index++) equal(text(receive(consumer)), "m" + index);
  }

  private Message receive(MessageConsumer consumer) throws JMSException {
    Message message = consumer.receive(PATIENCE_MS);
    check(message != null, "a message came");
    return message;
  }

  private void nothing(MessageConsumer consumer) throws JMSException {
    Message message = consumer.receive(SILENCE_MS);
    check(message == null, "no message came, not " + message);
  }

  private static String text(Message message) throws JMSException {
    return ((TextMessage) message).getText();
  }

  private static void equal(Object actual, Object expected) {
    check(expected == null ? actual == null : expected.equals(actual), "expected " + expected + ", got " + actual);
  }

  private static void check(boolean isTrue, String claim) {
    if (!isTrue) throw new AssertionError(claim);
  }
}
