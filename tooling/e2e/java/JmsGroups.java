import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import javax.jms.*;
import org.apache.activemq.ActiveMQConnectionFactory;

/**
 * Message groups, exclusive consumers and consumer priorities through JMS. Argument: the broker's URI. For each
 * scenario one line says `ok NAME` or `failed NAME: why`.
 *
 * With `takeover` and a `failover:` URI: two consumers share groups across a takeover; with `selected`, one
 * consumer selects. Both say HALFWAY and wait for a line, then say what arrived.
 */
public final class JmsGroups {
  /** Longer than anything takes; a scenario that waits for it has failed. */
  private static final long PATIENCE_MS = 10_000;
  /** Long enough to see that nothing comes. */
  private static final long SILENCE_MS = 200;
  private static final String FIRST = "JMSXGroupFirstForConsumer";
  private static final String EPOCH = "BatonMQExclusiveEpoch";
  /** More than a queue keeps in memory. */
  private static final int FAR = 9_000;

  private interface Scenario {
    void run() throws Exception;
  }

  private final ActiveMQConnectionFactory factory;
  private final Map<String, Scenario> scenarios = new LinkedHashMap<>();
  private final List<Connection> connections = new ArrayList<>();
  private Session session;
  private String queue;

  private JmsGroups(String uri) {
    factory = new ActiveMQConnectionFactory(uri);
    scenarios.put("each group stays with one consumer, in order", this::stay);
    scenarios.put("the first message of a group at a consumer says so", this::first);
    scenarios.put("a closed group starts anew", this::closed);
    scenarios.put("a group goes on with another when its consumer closes", this::left);
    scenarios.put("a group that was rolled back comes again in order", this::rolledBack);
    scenarios.put("groups move to a consumer that joins", this::rebalanced);
    scenarios.put("a group with a long backlog holds up no other", this::backlog);
    scenarios.put("an exclusive consumer gets everything until it closes", this::exclusive);
    scenarios.put("an exclusive consumer of greater priority takes over", this::exclusivePriority);
    scenarios.put("an epoch tells exclusive consumers apart", this::epoch);
    scenarios.put("a consumer of greater priority is filled first", this::priority);
  }

  public static void main(String[] args) throws Exception {
    if (args[0].equals("takeover")) takeOver(args[1]);
    else if (args[0].equals("selected")) takeOverSelected(args[1]);
    else System.exit(new JmsGroups(args[0]).runAll() ? 0 : 1);
  }

  private boolean runAll() throws Exception {
    boolean isEverythingOk = true;
    int number = 0;
    for (Map.Entry<String, Scenario> entry : scenarios.entrySet()) {
      try {
        number += 1;
        queue = "GROUPS." + number;
        session = open(false);
        entry.getValue().run();
        System.out.println("ok " + entry.getKey());
      } catch (Throwable problem) {
        isEverythingOk = false;
        StackTraceElement place = Arrays.stream(problem.getStackTrace())
            .filter(element -> element.getClassName().startsWith("JmsGroups"))
            .findFirst().orElse(problem.getStackTrace()[0]);
        System.out.println("failed " + entry.getKey() + ": " + problem + " at " + place);
      } finally {
        for (Connection connection : connections) connection.close();
        connections.clear();
      }
    }
    return isEverythingOk;
  }

  private void stay() throws Exception {
    MessageConsumer[] consumers = {consume(""), consume("")};
    for (int index = 0; index < 40; index += 1) send("g" + index % 4, index, 0);
    Map<String, Integer> owners = new HashMap<>();
    Map<String, Integer> last = new HashMap<>();
    int count = 0;
    for (int at = 0; at < consumers.length; at += 1) {
      for (TextMessage message; (message = next(consumers[at], 1_000)) != null; count += 1) {
        String group = message.getStringProperty("JMSXGroupID");
        Integer owner = owners.putIfAbsent(group, at);
        require(owner == null || owner == at, group + " came to both");
        int index = Integer.parseInt(message.getText());
        require(index > last.getOrDefault(group, -1), group + " came out of order");
        last.put(group, index);
      }
    }
    require(count == 40, "40 were to come, not " + count);
    require(owners.containsValue(0) && owners.containsValue(1), "both have groups");
  }

  private void first() throws Exception {
    MessageConsumer consumer = consume("");
    for (int index = 0; index < 3; index += 1) send("g", index, 0);
    require(isFirst(expect(consumer, 0)), "the first says so");
    require(!isFirst(expect(consumer, 1)) && !isFirst(expect(consumer, 2)), "the others do not");
  }

  private void closed() throws Exception {
    MessageConsumer consumer = consume("");
    send("g", 0, 0);
    require(isFirst(expect(consumer, 0)), "the first says so");
    send("g", 1, -1);
    require(!isFirst(expect(consumer, 1)), "the last does not");
    pause();
    send("g", 2, 0);
    require(isFirst(expect(consumer, 2)), "the first after it does");
  }

  private void left() throws Exception {
    MessageConsumer leaving = consume("");
    send("g", 0, 0);
    expect(leaving, 0);
    MessageConsumer next = consume("");
    leaving.close();
    pause();
    send("g", 1, 0);
    require(isFirst(expect(next, 1)), "it is the first of the group there");
  }

  private void rolledBack() throws Exception {
    Session transacted = open(true);
    MessageConsumer consumer = transacted.createConsumer(transacted.createQueue(queue));
    for (int index = 0; index < 4; index += 1) send("g", index, 0);
    expect(consumer, 0);
    expect(consumer, 1);
    transacted.rollback();
    for (int index = 0; index < 4; index += 1) expect(consumer, index);
    transacted.commit();
  }

  private void rebalanced() throws Exception {
    MessageConsumer old = consume("");
    for (int index = 0; index < 4; index += 1) send("g" + index, index, 0);
    for (int index = 0; index < 4; index += 1) expect(old, index);
    MessageConsumer joined = consume("");
    pause();
    for (int index = 0; index < 4; index += 1) send("g" + index, 10 + index, 0);
    int count = 0;
    for (TextMessage message; (message = next(joined, 1_000)) != null; count += 1) {
      require(isFirst(message), "it is the first of the group there");
    }
    require(count == 2, "half of them were to move, not " + count);
    require(next(old, 1_000) != null && next(old, 1_000) != null, "the others stayed");
  }

  private void backlog() throws Exception {
    MessageConsumer busy = consume("?consumer.prefetchSize=1");
    Session transacted = open(true);
    MessageProducer producer = transacted.createProducer(transacted.createQueue(queue));
    for (int index = 0; index < FAR; index += 1) {
      producer.send(grouped(transacted, "g", index, 0));
      if (index % 1_000 == 999) transacted.commit();
    }
    transacted.commit();
    MessageConsumer other = consume("");
    send("h", 1, 0);
    expect(other, 1);
    for (int index = 0; index < FAR; index += 1) expect(busy, index);
    require(next(other, SILENCE_MS) == null, "nothing more was to come");
  }

  private void exclusive() throws Exception {
    MessageConsumer one = consume("?consumer.exclusive=true");
    MessageConsumer other = consume("?consumer.exclusive=true");
    for (int index = 0; index < 4; index += 1) send(null, index, 0);
    for (int index = 0; index < 4; index += 1) expect(one, index);
    require(next(other, SILENCE_MS) == null, "the other has nothing");
    one.close();
    send(null, 4, 0);
    expect(other, 4);
  }

  private void exclusivePriority() throws Exception {
    MessageConsumer one = consume("?consumer.exclusive=true&consumer.priority=1");
    send(null, 0, 0);
    expect(one, 0);
    MessageConsumer greater = consume("?consumer.exclusive=true&consumer.priority=9");
    MessageConsumer less = consume("?consumer.exclusive=true&consumer.priority=2");
    pause();
    send(null, 1, 0);
    expect(greater, 1);
    greater.close();
    pause();
    send(null, 2, 0);
    expect(less, 2);
    require(next(one, SILENCE_MS) == null, "the first has nothing more");
  }

  private void epoch() throws Exception {
    MessageConsumer one = consume("?consumer.exclusive=true");
    MessageConsumer other = consume("?consumer.exclusive=true");
    send(null, 0, 0);
    send(null, 1, 0);
    long epoch = expect(one, 0).getLongProperty(EPOCH);
    require(expect(one, 1).getLongProperty(EPOCH) == epoch, "it stays with a consumer");
    one.close();
    send(null, 2, 0);
    require(expect(other, 2).getLongProperty(EPOCH) > epoch, "it is greater with the next");
  }

  private void priority() throws Exception {
    MessageConsumer low = consume("?consumer.prefetchSize=2&consumer.priority=1");
    MessageConsumer high = consume("?consumer.prefetchSize=2&consumer.priority=7");
    for (int index = 0; index < 4; index += 1) send(null, index, 0);
    pause();
    expect(low, 2);
    expect(high, 0);
  }

  // --- takeovers

  private static final int GROUP_COUNT = 20;
  private static final int COUNT = 1_000;
  /** So that there is always something left to consume. */
  private static final long WORK_MS = 4;

  /** What the consumers got, together. */
  private static final class Record {
    private final Map<String, Integer> last = new HashMap<>();
    private final Map<String, String> owners = new HashMap<>();
    private final List<String> problems = new ArrayList<>();
    private int count;

    synchronized void got(String consumer, String group, int index, int next) {
      String owner = owners.putIfAbsent(group, consumer);
      if (owner != null && !owner.equals(consumer)) problems.add(group + " moved to " + consumer);
      int before = last.getOrDefault(group, -1);
      // What was not acked when the broker died may come again.
      if (index <= before) return;
      int expected = before < 0 ? index % GROUP_COUNT : before + next;
      if (index != expected) problems.add(index + " came for " + expected);
      last.put(group, index);
      count += 1;
    }

    synchronized boolean isComplete(int wanted) {
      return count >= wanted;
    }

    synchronized String describe(int wanted) {
      return "received " + count + " of " + wanted + ", problems: " + problems;
    }
  }

  private static void takeOver(String uri) throws Exception {
    Record record = new Record();
    Thread[] consumers = new Thread[2];
    for (int at = 0; at < consumers.length; at += 1) {
      String name = "consumer " + at;
      MessageConsumer consumer = connect(uri, "GROUPS.TAKEOVER?consumer.prefetchSize=50", null);
      consumers[at] = new Thread(() -> work(consumer, COUNT, record, (message, index) -> {
        record.got(name, message.getStringProperty("JMSXGroupID"), index, GROUP_COUNT);
      }));
    }
    for (Thread consumer : consumers) consumer.start();
    Session session = session(uri);
    MessageProducer producer = session.createProducer(session.createQueue("GROUPS.TAKEOVER"));
    for (int index = 0; index < COUNT; index += 1) {
      if (index == COUNT / 2) waitHalfway();
      producer.send(grouped(session, "g" + index % GROUP_COUNT, index, 0));
    }
    for (Thread consumer : consumers) consumer.join();
    System.out.println(record.describe(COUNT));
    System.exit(0);
  }

  private static void takeOverSelected(String uri) throws Exception {
    Record record = new Record();
    MessageConsumer consumer = connect(uri, "SELECTED.TAKEOVER?consumer.prefetchSize=50", "color = 'red'");
    Thread receiver = new Thread(() -> work(consumer, COUNT / GROUP_COUNT, record, (message, index) -> {
      record.got("consumer", message.getStringProperty("color"), index, GROUP_COUNT);
    }));
    receiver.start();
    Session session = session(uri);
    MessageProducer producer = session.createProducer(session.createQueue("SELECTED.TAKEOVER"));
    for (int index = 0; index < COUNT; index += 1) {
      if (index == COUNT / 2) waitHalfway();
      TextMessage message = session.createTextMessage(String.valueOf(index));
      message.setStringProperty("color", index % GROUP_COUNT == 7 ? "red" : "green");
      producer.send(message);
    }
    receiver.join();
    System.out.println(record.describe(COUNT / GROUP_COUNT));
    System.exit(0);
  }

  private static void waitHalfway() throws Exception {
    System.out.println("HALFWAY");
    System.in.read();
  }

  private interface Receiver {
    void got(TextMessage message, int index) throws JMSException;
  }

  /** Until everything is there, or nothing came for long: the takeover is shorter. */
  private static void work(MessageConsumer consumer, int wanted, Record record, Receiver receiver) {
    try {
      long giveUpAt = System.currentTimeMillis() + 3 * PATIENCE_MS;
      while (!record.isComplete(wanted) && System.currentTimeMillis() < giveUpAt) {
        TextMessage message = (TextMessage) consumer.receive(SILENCE_MS);
        if (message == null) continue;
        receiver.got(message, Integer.parseInt(message.getText()));
        Thread.sleep(WORK_MS);
      }
    } catch (Exception problem) {
      System.out.println("failed " + problem);
    }
  }

  private static Session session(String uri) throws JMSException {
    Connection connection = new ActiveMQConnectionFactory(uri).createConnection();
    connection.start();
    return connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
  }

  private static MessageConsumer connect(String uri, String queue, String selector) throws JMSException {
    Session session = session(uri);
    return session.createConsumer(session.createQueue(queue), selector);
  }

  // --- what scenarios are made of

  private Session open(boolean isTransacted) throws JMSException {
    Connection connection = factory.createConnection();
    connections.add(connection);
    connection.start();
    int mode = isTransacted ? Session.SESSION_TRANSACTED : Session.AUTO_ACKNOWLEDGE;
    return connection.createSession(isTransacted, mode);
  }

  /** A consumer on a connection of its own. */
  private MessageConsumer consume(String options) throws JMSException {
    Session own = open(false);
    return own.createConsumer(own.createQueue(queue + options));
  }

  private void send(String group, int index, int sequence) throws JMSException {
    MessageProducer producer = session.createProducer(session.createQueue(queue));
    producer.send(grouped(session, group, index, sequence));
    producer.close();
  }

  private static TextMessage grouped(Session by, String group, int index, int sequence) throws JMSException {
    TextMessage message = by.createTextMessage(String.valueOf(index));
    if (group != null) message.setStringProperty("JMSXGroupID", group);
    if (sequence != 0) message.setIntProperty("JMSXGroupSeq", sequence);
    return message;
  }

  private static TextMessage next(MessageConsumer from, long patienceMs) throws JMSException {
    return (TextMessage) from.receive(patienceMs);
  }

  private static TextMessage expect(MessageConsumer from, int index) throws JMSException {
    TextMessage message = next(from, PATIENCE_MS);
    require(message != null, index + " did not come");
    require(message.getText().equals(String.valueOf(index)), index + " was to come, not " + message.getText());
    return message;
  }

  private static boolean isFirst(Message message) throws JMSException {
    return message.propertyExists(FIRST) && message.getBooleanProperty(FIRST);
  }

  /** Acks that were sent without waiting have arrived after it. */
  private static void pause() throws InterruptedException {
    Thread.sleep(SILENCE_MS);
  }

  private static void require(boolean condition, String claim) {
    if (!condition) throw new AssertionError(claim);
  }
}
