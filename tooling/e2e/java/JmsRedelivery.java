import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import javax.jms.*;
import org.apache.activemq.ActiveMQConnection;
import org.apache.activemq.ActiveMQConnectionFactory;
import org.apache.activemq.RedeliveryPolicy;
import org.apache.activemq.command.ActiveMQMessage;

/**
 * Redelivery, dead letters and expiry through JMS. Arguments: the broker's URI; one line for each scenario says `ok NAME` or
 * `failed NAME: why`. Or `takeover` and the URI of a pair: it says `HALFWAY` when a broker may be killed, and what it found.
 */
public final class JmsRedelivery {
  /** Longer than anything takes; a scenario that waits for it has failed. */
  private static final long PATIENCE_MS = 10_000;
  /** Long enough to see that nothing comes. */
  private static final long SILENCE_MS = 400;
  private static final int TAKEOVER_MESSAGES = 200;

  private interface Scenario {
    void run() throws Exception;
  }

  private final ActiveMQConnectionFactory factory;
  private final Map<String, Scenario> scenarios = new LinkedHashMap<>();
  private ActiveMQConnection connection;
  private String name;

  private JmsRedelivery(String uri) {
    factory = new ActiveMQConnectionFactory(uri);
    scenarios.put("rollbacks and recovers are counted", this::counts);
    scenarios.put("a closed consumer counts what its application saw", this::closed);
    scenarios.put("too many rollbacks make a dead letter that says why and where it was", this::poison);
    scenarios.put("what is not persistent is dropped in place of dying", this::notPersistent);
    scenarios.put("an expired message is a dead letter with its expiration", this::expired);
    scenarios.put("a lost connection counts what its application was at and marks the rest", this::lost);
    scenarios.put("each queue has dead letters of its own where the policy says so", this::individual);
    scenarios.put("dead letters are discarded where the policy says so", this::discarded);
    scenarios.put("what is not persistent dies where the policy says so, and says what it was", this::kept);
    scenarios.put("what expired is dropped where the policy says so", this::droppedExpired);
    scenarios.put("the broker redelivers after delays that grow, and then gives up", this::delayed);
  }

  public static void main(String[] args) throws Exception {
    boolean isTakeover = args[0].equals("takeover");
    JmsRedelivery program = new JmsRedelivery(args[isTakeover ? 1 : 0]);
    if (isTakeover) program.takeover();
    System.exit(isTakeover || program.runAll() ? 0 : 1);
  }

  private boolean runAll() {
    boolean isEverythingOk = true;
    int number = 0;
    for (Map.Entry<String, Scenario> entry : scenarios.entrySet()) {
      number += 1;
      name = "TRIED." + number;
      try {
        connection = connect(2);
        entry.getValue().run();
        connection.close();
        System.out.println("ok " + entry.getKey());
      } catch (Throwable problem) {
        isEverythingOk = false;
        StackTraceElement place = Arrays.stream(problem.getStackTrace())
            .filter(element -> element.getClassName().startsWith("JmsRedelivery"))
            .findFirst().orElse(problem.getStackTrace()[0]);
        System.out.println("failed " + entry.getKey() + ": " + problem + " at " + place);
      }
    }
    return isEverythingOk;
  }

  /** A connection whose consumers redeliver that often, without delay. */
  private ActiveMQConnection connect(int maximumRedeliveries) throws JMSException {
    ActiveMQConnection made = (ActiveMQConnection) factory.createConnection();
    RedeliveryPolicy policy = made.getRedeliveryPolicy();
    policy.setMaximumRedeliveries(maximumRedeliveries);
    policy.setInitialRedeliveryDelay(0);
    policy.setRedeliveryDelay(0);
    made.start();
    return made;
  }

  private void counts() throws Exception {
    send(name, 1, DeliveryMode.PERSISTENT, 0);
    Session transacted = connection.createSession(true, Session.SESSION_TRANSACTED);
    MessageConsumer consumer = transacted.createConsumer(transacted.createQueue(name));
    for (int count = 1; count <= 3; count += 1) {
      same(count, deliveryCount(consumer.receive(PATIENCE_MS)));
      if (count < 3) transacted.rollback();
      else transacted.commit();
    }
    transacted.close();
    send(name, 1, DeliveryMode.PERSISTENT, 0);
    Session session = connection.createSession(false, Session.CLIENT_ACKNOWLEDGE);
    consumer = session.createConsumer(session.createQueue(name));
    for (int count = 1; count <= 3; count += 1) {
      Message message = consumer.receive(PATIENCE_MS);
      same(count, deliveryCount(message));
      if (count < 3) session.recover();
      else message.acknowledge();
    }
  }

  private void closed() throws Exception {
    send(name, 3, DeliveryMode.PERSISTENT, 0);
    Session session = connection.createSession(false, Session.CLIENT_ACKNOWLEDGE);
    for (int time = 0; time < 2; time += 1) {
      MessageConsumer consumer = session.createConsumer(session.createQueue(name));
      consumer.receive(PATIENCE_MS);
      consumer.close();
    }
    same(List.of(3, 1, 1), deliveryCounts(session, 3));
  }

  private void poison() throws Exception {
    String id = send(name, 1, DeliveryMode.PERSISTENT, 0);
    rollBackUntilGone(3);
    ActiveMQMessage letter = letter("ActiveMQ.DLQ", id);
    String cause = letter.getStringProperty("dlqDeliveryFailureCause");
    same(true, cause.contains("exceeds redelivery policy limit"));
    same("queue://" + name, letter.getOriginalDestination().toString());
    same(0L, letter.getLongProperty("originalExpiration"));
    same(DeliveryMode.PERSISTENT, letter.getJMSDeliveryMode());
    same(1, deliveryCount(letter));
  }

  private void notPersistent() throws Exception {
    String id = send(name, 1, DeliveryMode.NON_PERSISTENT, 0);
    rollBackUntilGone(3);
    same(null, letter("ActiveMQ.DLQ", id));
  }

  private void expired() throws Exception {
    long before = System.currentTimeMillis();
    String id = send(name, 1, DeliveryMode.PERSISTENT, 300);
    Thread.sleep(SILENCE_MS);
    Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
    same(null, session.createConsumer(session.createQueue(name)).receive(SILENCE_MS));
    ActiveMQMessage letter = letter("ActiveMQ.DLQ", id);
    long expiration = letter.getLongProperty("originalExpiration");
    same(true, expiration >= before + 300 && expiration < before + PATIENCE_MS);
    same(0L, letter.getJMSExpiration());
  }

  private void lost() throws Exception {
    send(name, 3, DeliveryMode.PERSISTENT, 0);
    for (int time = 0; time < 3; time += 1) {
      ActiveMQConnection dying = connect(2);
      Session session = dying.createSession(false, Session.CLIENT_ACKNOWLEDGE);
      session.createConsumer(session.createQueue(name)).receive(PATIENCE_MS);
      dying.getTransport().stop();
    }
    Session session = connect(-1).createSession(false, Session.CLIENT_ACKNOWLEDGE);
    same(List.of(4, 2, 2), deliveryCounts(session, 3));
  }

  private void individual() throws Exception {
    name = "OWN." + name;
    String id = send(name, 1, DeliveryMode.PERSISTENT, 0);
    rollBackUntilGone(3);
    same("queue://" + name, letter("dead." + name, id).getOriginalDestination().toString());
    same(null, letter("ActiveMQ.DLQ", id));
  }

  private void discarded() throws Exception {
    name = "DISCARDED." + name;
    String id = send(name, 1, DeliveryMode.PERSISTENT, 0);
    rollBackUntilGone(3);
    same(null, letter("ActiveMQ.DLQ", id));
  }

  private void kept() throws Exception {
    name = "OWN." + name;
    String id = send(name, 1, DeliveryMode.NON_PERSISTENT, 0);
    rollBackUntilGone(3);
    ActiveMQMessage letter = letter("dead." + name, id);
    same("NON_PERSISTENT", letter.getStringProperty("originalDeliveryMode"));
    same(DeliveryMode.PERSISTENT, letter.getJMSDeliveryMode());
  }

  private void droppedExpired() throws Exception {
    name = "OWN." + name;
    String id = send(name, 1, DeliveryMode.PERSISTENT, 1);
    Thread.sleep(SILENCE_MS);
    Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
    same(null, session.createConsumer(session.createQueue(name)).receive(SILENCE_MS));
    same(null, letter("dead." + name, id));
  }

  /** The client rejects at its first rollback, and the broker has the rest of the patience. */
  private void delayed() throws Exception {
    name = "DELAYED." + name;
    String id = send(name, 1, DeliveryMode.PERSISTENT, 0);
    Session session = connect(0).createSession(true, Session.SESSION_TRANSACTED);
    MessageConsumer consumer = session.createConsumer(session.createQueue(name));
    List<Long> times = new ArrayList<>();
    for (int count = 1; count <= 3; count += 1) {
      same(id, consumer.receive(PATIENCE_MS).getJMSMessageID());
      times.add(System.currentTimeMillis());
      session.rollback();
    }
    same(true, times.get(1) - times.get(0) >= 300);
    same(true, times.get(2) - times.get(1) >= 600);
    same(null, consumer.receive(SILENCE_MS));
    same(true, letter("ActiveMQ.DLQ", id) != null);
  }

  private void takeover() throws Exception {
    name = "TAKEN.OVER";
    connection = connect(0);
    send(name, TAKEOVER_MESSAGES, DeliveryMode.PERSISTENT, 0);
    Session session = connection.createSession(false, Session.CLIENT_ACKNOWLEDGE);
    for (int time = 0; time < 2; time += 1) {
      MessageConsumer consumer = session.createConsumer(session.createQueue(name));
      consumer.receive(PATIENCE_MS);
      consumer.close();
    }
    // A send that is answered comes after the counts.
    send("AFTER", 1, DeliveryMode.PERSISTENT, 0);
    System.out.println("COUNTED");
    if (System.in.read() < 0) return;
    MessageConsumer again = session.createConsumer(session.createQueue(name));
    System.out.println("counts " + deliveryCount(again.receive(PATIENCE_MS)) + " "
        + deliveryCount(again.receive(PATIENCE_MS)));
    again.close();
    session.close();
    reject();
    Session last = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
    System.out.println("dead " + drained(last, "ActiveMQ.DLQ") + ", left " + drained(last, name));
  }

  /** Rejects all messages; says in the middle that a broker may be killed. */
  private void reject() throws Exception {
    Session session = connection.createSession(true, Session.SESSION_TRANSACTED);
    MessageConsumer consumer = session.createConsumer(session.createQueue(name));
    int count = 0;
    while (consumer.receive(count < TAKEOVER_MESSAGES ? 3_000 : 1_000) != null) {
      try {
        session.rollback();
      } catch (JMSException interrupted) {
        // The broker is gone; what it had not stored comes again.
        continue;
      }
      count += 1;
      if (count == TAKEOVER_MESSAGES / 4) System.out.println("HALFWAY");
    }
    session.close();
  }

  /** How many messages there are, and how many different ones. */
  private String drained(Session session, String from) throws JMSException {
    MessageConsumer consumer = session.createConsumer(session.createQueue(from));
    Set<String> ids = new HashSet<>();
    int count = 0;
    for (Message each; (each = consumer.receive(1_000)) != null; count += 1) ids.add(each.getJMSMessageID());
    consumer.close();
    return count + " of " + ids.size();
  }

  /** Rolls back that often, and sees that the message does not come again. */
  private void rollBackUntilGone(int times) throws JMSException {
    Session session = connection.createSession(true, Session.SESSION_TRANSACTED);
    MessageConsumer consumer = session.createConsumer(session.createQueue(name));
    for (int time = 0; time < times; time += 1) {
      same(true, consumer.receive(PATIENCE_MS) != null);
      session.rollback();
    }
    same(null, consumer.receive(SILENCE_MS));
    session.close();
  }

  /** The dead letter of that message; null if there is none. */
  private ActiveMQMessage letter(String from, String id) throws JMSException {
    Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
    MessageConsumer consumer = session.createConsumer(session.createQueue(from), "JMSMessageID = '" + id + "'");
    Message letter = consumer.receive(1_000);
    session.close();
    return (ActiveMQMessage) letter;
  }

  /** Sends numbered messages; gives the id of the last. */
  private String send(String to, int count, int mode, long timeToLive) throws JMSException {
    Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
    MessageProducer producer = session.createProducer(session.createQueue(to));
    producer.setDeliveryMode(mode);
    producer.setTimeToLive(timeToLive);
    String id = null;
    for (int number = 0; number < count; number += 1) {
      TextMessage message = session.createTextMessage(String.valueOf(number));
      producer.send(message);
      id = message.getJMSMessageID();
    }
    session.close();
    return id;
  }

  private List<Integer> deliveryCounts(Session session, int count) throws JMSException {
    MessageConsumer consumer = session.createConsumer(session.createQueue(name));
    List<Integer> counts = new ArrayList<>();
    for (int index = 0; index < count; index += 1) counts.add(deliveryCount(consumer.receive(PATIENCE_MS)));
    return counts;
  }

  private static int deliveryCount(Message message) throws JMSException {
    return message.getIntProperty("JMSXDeliveryCount");
  }

  private static void same(Object expected, Object actual) {
    if (expected == null ? actual != null : !expected.equals(actual)) {
      throw new AssertionError("expected " + expected + ", got " + actual);
    }
  }
}
