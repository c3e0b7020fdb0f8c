import java.util.ArrayList;
import java.util.Enumeration;
import java.util.List;
import java.util.TreeMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import javax.jms.*;
import org.apache.activemq.ActiveMQConnection;
import org.apache.activemq.ActiveMQConnectionFactory;
import org.apache.activemq.advisory.AdvisorySupport;
import org.apache.activemq.broker.BrokerService;
import org.apache.activemq.broker.region.policy.ConstantPendingMessageLimitStrategy;
import org.apache.activemq.broker.region.policy.PolicyEntry;
import org.apache.activemq.broker.region.policy.PolicyMap;
import org.apache.activemq.command.*;

/**
 * Listens to advisory topics while it does what they tell of. Argument: the broker's URI, or `activemq` for an
 * ActiveMQ of its own with the same policies.
 *
 * For each advisory one line, `SCENARIO | TOPIC | HEADERS | PROPERTIES | DATA`: ids are left out or written as
 * `ID`, so that the lines of two brokers can be compared. Ends with `done`.
 *
 * `master URI` says `master NAME` each time a broker tells that it serves.
 */
public final class JmsAdvisories {
  /** Longer than anything takes. */
  private static final long PATIENCE_MS = 10_000;
  /** Long enough to see that nothing comes. */
  private static final long SILENCE_MS = 400;

  private final ActiveMQConnectionFactory factory;
  private ActiveMQConnection connection;
  private Session session;
  /** The one that listens. */
  private ActiveMQConnection listening;
  private final LinkedBlockingQueue<ActiveMQMessage> advisories = new LinkedBlockingQueue<>();
  private final List<ActiveMQMessage> shown = new ArrayList<>();
  private String scenario;

  private interface Scenario {
    void run() throws Exception;
  }

  private JmsAdvisories(String uri) {
    factory = new ActiveMQConnectionFactory(uri);
    factory.setUserName("anna");
    factory.setPassword("secret");
  }

  public static void main(String[] args) throws Exception {
    if (args[0].equals("master")) {
      new JmsAdvisories(args[1]).watchMasters();
      return;
    }
    if (args[0].equals("activemq")) {
      BrokerService broker = activeMq();
      new JmsAdvisories(broker.getTransportConnectors().get(0).getConnectUri().toString()).runAll();
      broker.stop();
    } else {
      new JmsAdvisories(args[0]).runAll();
    }
    System.exit(0);
  }

  /** With the policies that the test gives to the other broker. */
  private static BrokerService activeMq() throws Exception {
    PolicyEntry told = new PolicyEntry();
    told.setAdvisoryForConsumed(true);
    told.setAdvisoryForDelivery(true);
    told.setAdvisoryForDiscardingMessages(true);
    told.setAdvisoryForSlowConsumers(true);
    told.setAdvisoryForFastProducers(true);
    told.setAdvisoryWhenFull(true);
    told.setSendAdvisoryIfNoConsumers(true);
    told.setQueue("told.>");
    PolicyEntry toldTopic = new PolicyEntry();
    toldTopic.setAdvisoryForConsumed(true);
    toldTopic.setAdvisoryForDelivery(true);
    toldTopic.setAdvisoryForDiscardingMessages(true);
    toldTopic.setAdvisoryForSlowConsumers(true);
    toldTopic.setSendAdvisoryIfNoConsumers(true);
    toldTopic.setTopic("told.>");
    ConstantPendingMessageLimitStrategy limit = new ConstantPendingMessageLimitStrategy();
    limit.setLimit(1);
    toldTopic.setPendingMessageLimitStrategy(limit);
    PolicyEntry whole = new PolicyEntry();
    whole.setQueue("whole.>");
    whole.setAdvisoryForDelivery(true);
    whole.setIncludeBodyForAdvisory(true);
    PolicyEntry full = new PolicyEntry();
    full.setQueue("full.>");
    full.setMemoryLimit(20_000);
    full.setAdvisoryForFastProducers(true);
    full.setAdvisoryWhenFull(true);
    PolicyEntry slow = new PolicyEntry();
    slow.setTopic("slow.>");
    slow.setAdvisoryForSlowConsumers(true);
    PolicyMap policies = new PolicyMap();
    policies.setPolicyEntries(List.of(told, toldTopic, slow, whole, full));
    BrokerService broker = new BrokerService();
    broker.setBrokerName("broker");
    broker.setPersistent(false);
    broker.setUseJmx(false);
    broker.setDestinationPolicy(policies);
    broker.addConnector("tcp://127.0.0.1:0");
    broker.start();
    broker.waitUntilStarted();
    return broker;
  }


  private void runAll() throws Exception {
    run("master", "MasterBroker", () -> {});
    run("master, to everything", ">", () -> {}, "MasterBroker");
    run("connection", "Connection", () -> {
      Connection other = factory.createConnection();
      other.setClientID("somebody");
      other.start();
      awaitAdvisory();
      other.close();
    });
    run("connection, replayed", "Connection", () -> {});
    run("destinations", "Queue,ActiveMQ.Advisory.Topic", () -> {
      session.createProducer(session.createQueue("made.queue"));
      session.createProducer(session.createTopic("made.topic"));
      connection.destroyDestination(new ActiveMQQueue("made.queue"));
      connection.destroyDestination(new ActiveMQTopic("made.topic"));
    });
    run("temporary destinations", "TempQueue,ActiveMQ.Advisory.TempTopic", () -> {
      session.createTemporaryQueue().delete();
      session.createTemporaryTopic().delete();
    });
    TemporaryQueue kept = session().createTemporaryQueue();
    run("temporary destinations, replayed", "TempQueue,ActiveMQ.Advisory.TempTopic", () -> {});
    kept.delete();
    close();
    run("consumers of a queue", "Consumer.Queue.c.one", () -> {
      MessageConsumer first = session.createConsumer(session.createQueue("c.one"), "a = 1");
      MessageConsumer second = session.createConsumer(session.createQueue("c.one"));
      first.close();
      second.close();
    });
    session().createConsumer(session.createQueue("c.before"));
    run("consumers, replayed", "Consumer.Queue.c.before", () -> {});
    close();
    run("consumers of a topic", "Consumer.Topic.c.one", () ->
      session.createConsumer(session.createTopic("c.one")).close());
    run("a wildcard consumer", "Consumer.Queue.>", () -> {
      session.createConsumer(session.createQueue("wild.a"));
      session.createConsumer(session.createQueue("wild.*"));
      session.createConsumer(session.createQueue("wild.a"));
    });
    run("a composite consumer", "Consumer.Queue.>", () ->
      session.createConsumer(session.createQueue("both.a,both.b")));
    run("a browser", "Consumer.Queue.c.browsed", () -> {
      QueueBrowser browser = session.createBrowser(session.createQueue("c.browsed"));
      browser.getEnumeration().hasMoreElements();
      browser.close();
    });
    run("a durable subscription", "Consumer.Topic.c.durable", () -> {
      connection.close();
      connection = (ActiveMQConnection) factory.createConnection();
      connection.setClientID("durable client");
      connection.start();
      session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
      session.createDurableSubscriber(session.createTopic("c.durable"), "sub").close();
      session.unsubscribe("sub");
    });
    run("producers", "Producer.Queue.p.one", () -> {
      MessageProducer first = session.createProducer(session.createQueue("p.one"));
      MessageProducer second = session.createProducer(session.createQueue("p.one"));
      session.createProducer(null).close();
      first.close();
      second.close();
    });
    session().createProducer(session.createTopic("p.before"));
    run("producers, replayed", "Producer.Topic.p.before", () -> {});
    close();
    run("an expired message of a queue", "Expired.Queue.e.one", () -> {
      send(session.createQueue("e.one"), DeliveryMode.PERSISTENT, 50);
      Thread.sleep(100);
      session.createConsumer(session.createQueue("e.one")).receive(SILENCE_MS);
    });
    run("an expired message of a topic", "Expired.Topic.e.two", () -> {
      Session acking = connection.createSession(false, Session.CLIENT_ACKNOWLEDGE);
      MessageConsumer consumer = acking.createConsumer(session.createTopic("e.two?consumer.prefetchSize=1"));
      send(session.createTopic("e.two"), DeliveryMode.NON_PERSISTENT, 0);
      send(session.createTopic("e.two"), DeliveryMode.NON_PERSISTENT, 50);
      Thread.sleep(100);
      consumer.receive(PATIENCE_MS).acknowledge();
    });
    run("a dead letter", "MessageDLQd.Queue.d.one", () -> reject(session.createQueue("d.one")));
    run("a message of a queue", "MessageDelivered.Queue.told.one,ActiveMQ.Advisory.MessageDispatched.Queue.told.one"
        + ",ActiveMQ.Advisory.MessageConsumed.Queue.told.one", () -> {
      send(session.createQueue("told.one"), DeliveryMode.PERSISTENT, 0);
      awaitAdvisory();
      check(session.createConsumer(session.createQueue("told.one")).receive(PATIENCE_MS) != null, "it comes");
    });
    run("a message of a topic", "MessageDelivered.Topic.told.one,ActiveMQ.Advisory.MessageDispatched.Topic.told.one"
        + ",ActiveMQ.Advisory.MessageConsumed.Topic.told.one", () -> {
      MessageConsumer consumer = session.createConsumer(session.createTopic("told.one"));
      send(session.createTopic("told.one"), DeliveryMode.NON_PERSISTENT, 0);
      check(consumer.receive(PATIENCE_MS) != null, "it comes");
    });
    run("a message with its body", "MessageDelivered.Queue.whole.one", () ->
      send(session.createQueue("whole.one"), DeliveryMode.PERSISTENT, 0));
    run("a message nobody tells of", "MessageDelivered.Queue.untold.one", () ->
      send(session.createQueue("untold.one"), DeliveryMode.PERSISTENT, 0));
    run("nobody consumes", "NoConsumer.Queue.told.alone,ActiveMQ.Advisory.NoConsumer.Topic.told.alone", () -> {
      send(session.createQueue("told.alone"), DeliveryMode.PERSISTENT, 0);
      send(session.createQueue("told.alone"), DeliveryMode.NON_PERSISTENT, 0);
      send(session.createTopic("told.alone"), DeliveryMode.NON_PERSISTENT, 0);
      session.createConsumer(session.createTopic("told.alone"), "a = 1");
      send(session.createTopic("told.alone"), DeliveryMode.NON_PERSISTENT, 0);
    });
    run("a slow consumer of a topic", "SlowConsumer.Topic.slow.one", () -> {
      session.createConsumer(session.createTopic("slow.one?consumer.prefetchSize=2"));
      for (int count = 0; count < 8; count++) send(session.createTopic("slow.one"), DeliveryMode.NON_PERSISTENT, 0);
    });
    run("a message a slow consumer loses", "MessageDiscarded.Topic.told.slow", () -> {
      session.createConsumer(session.createTopic("told.slow?consumer.prefetchSize=1"));
      for (int count = 0; count < 4; count++) send(session.createTopic("told.slow"), DeliveryMode.NON_PERSISTENT, 0);
    });
    run("a slow consumer of a queue", "SlowConsumer.Queue.told.slow", () -> {
      session.createConsumer(session.createQueue("told.slow?consumer.prefetchSize=2"));
      for (int count = 0; count < 8; count++) send(session.createQueue("told.slow"), DeliveryMode.NON_PERSISTENT, 0);
    });
    run("a full queue", "FULL.Queue.full.one,ActiveMQ.Advisory.FastProducer.Queue.full.one", () -> {
      Thread sending = new Thread(() -> {
        try {
          MessageProducer producer = session.createProducer(session.createQueue("full.one"));
          producer.setDeliveryMode(DeliveryMode.NON_PERSISTENT);
          for (int count = 0; count < 4; count++) {
            BytesMessage message = session.createBytesMessage();
            message.writeBytes(new byte[15_000]);
            producer.send(message);
          }
        } catch (JMSException expected) {
          // It is held up until its connection is closed.
        }
      });
      sending.setDaemon(true);
      sending.start();
      awaitAdvisory();
    });
    run("an advisory consumer", "Consumer.Topic.>,ActiveMQ.Advisory.Topic", () ->
      session.createConsumer(new ActiveMQTopic("ActiveMQ.Advisory.Queue")), "about ActiveMQ.Advisory");
    System.out.println("done");
  }

  private void watchMasters() throws Exception {
    MessageConsumer consumer = session().createConsumer(AdvisorySupport.getMasterBrokerAdvisoryTopic());
    consumer.setMessageListener(message -> {
      try {
        System.out.println("master " + message.getStringProperty("originBrokerName"));
      } catch (JMSException problem) {
        System.out.println("failed: " + problem);
      }
    });
    Thread.sleep(Long.MAX_VALUE);
  }

  private Session session() throws JMSException {
    if (connection == null) {
      connection = (ActiveMQConnection) factory.createConnection();
      connection.start();
      session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
    }
    return session;
  }

  private void close() throws JMSException {
    if (connection != null) connection.close();
    connection = null;
  }

  private void run(String name, String topics, Scenario act) throws Exception {
    run(name, topics, act, "");
  }

  /** Prints what comes on the topics while it acts, if the line has a text in it. */
  private void run(String name, String topics, Scenario act, String mark) throws Exception {
    scenario = name;
    boolean isKept = connection != null;
    session();
    listening = (ActiveMQConnection) factory.createConnection();
    advisories.clear();
    shown.clear();
    Session own = listening.createSession(false, Session.AUTO_ACKNOWLEDGE);
    own.createConsumer(new ActiveMQTopic(AdvisorySupport.ADVISORY_TOPIC_PREFIX + topics))
        .setMessageListener(message -> advisories.add((ActiveMQMessage) message));
    listening.start();
    try {
      Thread.sleep(100);
      act.run();
    } catch (Throwable problem) {
      System.out.println(scenario + " | failed: " + problem);
    }
    ActiveMQMessage advisory;
    while ((advisory = advisories.poll(SILENCE_MS, TimeUnit.MILLISECONDS)) != null) shown.add(advisory);
    for (ActiveMQMessage each : shown) {
      String line = scenario + " | " + told(each);
      if (line.contains(mark)) System.out.println(line);
    }
    listening.close();
    if (!isKept) close();
  }

  private void awaitAdvisory() throws Exception {
    ActiveMQMessage advisory = advisories.poll(PATIENCE_MS, TimeUnit.MILLISECONDS);
    check(advisory != null, "an advisory comes");
    shown.add(advisory);
  }

  private void send(Destination destination, int mode, long timeToLive) throws JMSException {
    MessageProducer producer = session.createProducer(destination);
    TextMessage message = session.createTextMessage("body");
    message.setStringProperty("colour", "red");
    producer.send(message, mode, 4, timeToLive);
    producer.close();
  }

  private void reject(Destination queue) throws JMSException {
    Session transacted = connection.createSession(true, Session.SESSION_TRANSACTED);
    MessageConsumer consumer = transacted.createConsumer(queue);
    connection.getRedeliveryPolicy().setMaximumRedeliveries(0);
    send(queue, DeliveryMode.PERSISTENT, 0);
    check(consumer.receive(PATIENCE_MS) != null, "it comes");
    transacted.rollback();
  }

  private String told(ActiveMQMessage message) throws Exception {
    return message.getDestination().getPhysicalName().replaceFirst("^ActiveMQ.Advisory.", "")
        .replaceAll("ID:[^ |.]*", "ID")
        + " | " + message.getClass().getSimpleName() + " type=" + message.getType()
        + " persistent=" + message.isPersistent() + " priority=" + message.getPriority()
        + " expiration=" + (message.getExpiration() == 0 ? "0" : "later")
        + " timestamp=" + (message.getTimestamp() == 0 ? "0" : "then")
        + " body=" + (message.getContent() == null ? "none" : "some")
        + (message.getTargetConsumerId() == null ? "" : " target")
        + " | " + propertiesOf(message)
        + " | " + dataOf(message.getDataStructure());
  }

  private String propertiesOf(ActiveMQMessage message) throws Exception {
    TreeMap<String, String> properties = new TreeMap<>();
    for (Enumeration<?> names = message.getPropertyNames(); names.hasMoreElements();) {
      String name = (String) names.nextElement();
      Object value = message.getObjectProperty(name);
      String text = String.valueOf(value);
      if (text.startsWith("ID:") || name.equals("originBrokerId")) text = text.isEmpty() ? "none" : "ID";
      if (name.equals("originBrokerURL")) text = text.replaceFirst("(127.0.0.1|localhost):[0-9]+$", "HERE");
      properties.put(name, value.getClass().getSimpleName() + " " + text);
    }
    return properties.toString();
  }

  private static String dataOf(DataStructure data) throws Exception {
    if (data == null) return "nothing";
    String type = data.getClass().getSimpleName();
    if (data instanceof ConnectionInfo) {
      ConnectionInfo info = (ConnectionInfo) data;
      return type + " user=" + info.getUserName() + " password=" + info.getPassword()
          + " client=" + info.getClientId().replaceAll("ID:.*", "ID")
          + " address=" + (info.getClientIp() != null && info.getClientIp().startsWith("tcp://127.0.0.1"));
    }
    if (data instanceof ConsumerInfo) {
      ConsumerInfo info = (ConsumerInfo) data;
      return type + " of " + info.getDestination() + " selector=" + info.getSelector() + " browser=" + info.isBrowser()
          + " prefetch=" + info.getPrefetchSize() + " subscription=" + info.getSubscriptionName();
    }
    if (data instanceof ProducerInfo) return type + " of " + ((ProducerInfo) data).getDestination();
    if (data instanceof DestinationInfo) {
      DestinationInfo info = (DestinationInfo) data;
      return type + " " + (info.isAddOperation() ? "add " : "remove ") + info.getDestination().getQualifiedName()
          .replaceAll("ID:.*", "ID") + " connection=" + (info.getConnectionId() != null);
    }
    if (data instanceof RemoveInfo) {
      return type + " " + ((RemoveInfo) data).getObjectId().getClass().getSimpleName();
    }
    if (data instanceof RemoveSubscriptionInfo) {
      RemoveSubscriptionInfo info = (RemoveSubscriptionInfo) data;
      return type + " " + info.getSubcriptionName() + " of " + info.getClientId();
    }
    if (data instanceof ActiveMQMessage) {
      ActiveMQMessage message = (ActiveMQMessage) data;
      return type + " to " + message.getDestination() + " body=" + (message.getContent() == null ? "none" : "some")
          + " properties=" + message.getProperties() + " persistent=" + message.isPersistent();
    }
    return type;
  }

  private static void check(boolean holds, String what) {
    if (!holds) throw new AssertionError("not so: " + what);
  }
}
