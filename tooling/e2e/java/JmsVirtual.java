import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Enumeration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import javax.jms.*;
import org.apache.activemq.ActiveMQConnectionFactory;
import org.apache.activemq.broker.BrokerService;
import org.apache.activemq.broker.TransportConnector;
import org.apache.activemq.broker.region.DestinationInterceptor;
import org.apache.activemq.broker.region.virtual.*;
import org.apache.activemq.command.ActiveMQDestination;
import org.apache.activemq.command.ActiveMQMessage;
import org.apache.activemq.command.ActiveMQQueue;
import org.apache.activemq.command.ActiveMQTopic;

/**
 * Virtual, composite, wildcard and temporary destinations, and options in names, through JMS. Arguments: the URI of a
 * broker with the virtual destinations of {@link #virtualDestinations}, or `activemq` for one of its own; `mirrored` if its queues
 * are mirrored instead. For each scenario one line says `ok NAME` or `failed NAME: why`.
 */
public final class JmsVirtual {
  /** Longer than anything takes; a scenario that waits for it has failed. */
  private static final long PATIENCE_MS = 10_000;
  /** Long enough to see that nothing comes. */
  private static final long SILENCE_MS = 150;

  private interface Scenario {
    void run() throws Exception;
  }

  private final ActiveMQConnectionFactory factory;
  private final Map<String, Scenario> scenarios = new LinkedHashMap<>();
  private Connection connection;
  private Session session;

  private JmsVirtual(String uri, boolean isMirrored) {
    factory = new ActiveMQConnectionFactory(uri);
    if (isMirrored) {
      scenarios.put("what is sent to a queue shows on its topic", this::mirror);
      return;
    }
    scenarios.put("each application gets what is sent to a virtual topic", this::virtualTopic);
    scenarios.put("an application gets what was sent while it was away", this::away);
    scenarios.put("consumers of one application share its messages", this::shared);
    scenarios.put("prefix and name of virtual topics are free", this::prefix);
    scenarios.put("a virtual topic may mind the selectors of its applications", this::selectorAware);
    scenarios.put("a composite queue passes everything on", this::compositeQueue);
    scenarios.put("a composite queue may keep its messages too", this::forwardToo);
    scenarios.put("a composite topic passes on to queues and topics", this::compositeTopic);
    scenarios.put("a composite queue passes on by selector", this::filtered);
    scenarios.put("a composite queue may keep what goes nowhere else", this::notMatched);
    scenarios.put("a send to a list reaches each part", this::sendToList);
    scenarios.put("a consumer of a list gets all of it", this::consumeList);
    scenarios.put("a list may be sent to in a transaction", this::listInTransaction);
    scenarios.put("* is one level of the names of queues, > the rest", this::wildcardQueues);
    scenarios.put("a wildcard consumer gets queues that come later", this::laterQueues);
    scenarios.put("consumers of overlapping wildcards share a queue", this::overlappingQueues);
    scenarios.put("each consumer of overlapping wildcards gets one copy of a topic's", this::overlappingTopics);
    scenarios.put("a wildcard consumer gets each queue in order", this::wildcardOrder);
    scenarios.put("nobody sends to a wildcard", this::sendToWildcard);
    scenarios.put("a browser of wildcards shows all queues", this::browseWildcard);
    scenarios.put("a browser of a list shows all queues", this::browseList);
    scenarios.put("a request is answered through a temporary queue", this::requestReply);
    scenarios.put("a request is answered through a temporary topic", this::topicReply);
    scenarios.put("nobody else consumes from a temporary queue", this::foreignConsumer);
    scenarios.put("a temporary queue with a consumer is not deleted", this::deleteInUse);
    scenarios.put("a temporary queue is gone with its connection", this::goneWithConnection);
    scenarios.put("a deleted temporary queue takes nothing", this::deleted);
    scenarios.put("a name says the prefetch", this::prefetchOption);
    scenarios.put("a name says that a consumer is exclusive", this::exclusiveOption);
    scenarios.put("a name says the priority", this::priorityOption);
    scenarios.put("a name says the selector", this::selectorOption);
    scenarios.put("a name says that a consumer wants nothing of its own", this::noLocalOption);
    scenarios.put("a name with options of no effect is taken", this::otherOptions);
    scenarios.put("an option that does not exist is refused", this::unknownOption);
  }

  public static void main(String[] args) throws Exception {
    boolean isMirrored = args.length > 1 && args[1].equals("mirrored");
    String uri = args[0].equals("activemq") ? startActiveMq(isMirrored) : args[0];
    System.exit(new JmsVirtual(uri, isMirrored).runAll() ? 0 : 1);
  }

  private static String startActiveMq(boolean isMirrored) throws Exception {
    BrokerService broker = new BrokerService();
    broker.setBrokerName("virtual");
    broker.setPersistent(false);
    broker.setUseJmx(false);
    if (isMirrored) broker.setUseMirroredQueues(true);
    else broker.setDestinationInterceptors(new DestinationInterceptor[] {virtualDestinations()});
    TransportConnector connector = broker.addConnector("tcp://127.0.0.1:0");
    broker.start();
    return connector.getConnectUri().toString();
  }

  private static DestinationInterceptor virtualDestinations() throws JMSException {
    VirtualDestinationInterceptor interceptor = new VirtualDestinationInterceptor();
    interceptor.setVirtualDestinations(new VirtualDestination[] {
        virtualTopic("VirtualTopic.>", "Consumer.*.", false),
        virtualTopic("EVENTS.>", "VT.*.", false),
        virtualTopic("AWARE.>", "Consumer.*.", true),
        composite(new CompositeQueue(), "IN.ONLY", true, false, queue("OUT.A"), topic("OUT.B")),
        composite(new CompositeQueue(), "IN.TOO", false, false, queue("OUT.C")),
        composite(new CompositeTopic(), "IN.TOPIC", true, false, queue("OUT.D"), topic("OUT.E")),
        composite(new CompositeQueue(), "IN.FILTERED", true, false,
            filtered("OUT.EU", "region = 'eu'"), filtered("OUT.BIG", "size > 10")),
        composite(new CompositeQueue(), "IN.REST", true, true, filtered("OUT.US", "region = 'us'")),
    });
    return interceptor;
  }

  private static VirtualTopic virtualTopic(String name, String prefix, boolean isSelectorAware) {
    VirtualTopic virtual = new VirtualTopic();
    virtual.setName(name);
    virtual.setPrefix(prefix);
    virtual.setSelectorAware(isSelectorAware);
    return virtual;
  }

  private static VirtualDestination composite(
      CompositeDestination composite, String name, boolean isOnly, boolean isRest, Object... to) {
    composite.setName(name);
    composite.setForwardTo(Arrays.asList(to));
    composite.setForwardOnly(isOnly);
    composite.setSendWhenNotMatched(isRest);
    return composite;
  }

  private static ActiveMQDestination queue(String name) {
    return new ActiveMQQueue(name);
  }

  private static ActiveMQDestination topic(String name) {
    return new ActiveMQTopic(name);
  }

  private static FilteredDestination filtered(String queue, String selector) throws JMSException {
    FilteredDestination filtered = new FilteredDestination();
    filtered.setQueue(queue);
    filtered.setSelector(selector);
    return filtered;
  }

  private boolean runAll() throws Exception {
    boolean isEverythingOk = true;
    for (Map.Entry<String, Scenario> entry : scenarios.entrySet()) {
      connection = factory.createConnection();
      try {
        connection.start();
        session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
        entry.getValue().run();
        System.out.println("ok " + entry.getKey());
      } catch (Throwable problem) {
        isEverythingOk = false;
        StackTraceElement place = Arrays.stream(problem.getStackTrace())
            .filter(element -> element.getClassName().startsWith("JmsVirtual"))
            .reduce((first, second) -> second).orElse(problem.getStackTrace()[0]);
        System.out.println("failed " + entry.getKey() + ": " + problem + " at " + place);
      } finally {
        connection.close();
      }
    }
    return isEverythingOk;
  }

  // --- virtual topics

  private void virtualTopic() throws Exception {
    MessageConsumer a = consumer("Consumer.A.VirtualTopic.ALL");
    MessageConsumer b = consumer("Consumer.B.VirtualTopic.ALL");
    MessageConsumer live = listener("VirtualTopic.ALL");
    publish("VirtualTopic.ALL", "one");
    ActiveMQMessage message = (ActiveMQMessage) a.receive(PATIENCE_MS);
    equal(((TextMessage) message).getText(), "one");
    equal(message.getJMSDestination().toString(), "queue://Consumer.A.VirtualTopic.ALL");
    equal(message.getOriginalDestination().toString(), "topic://VirtualTopic.ALL");
    expect(b, "one");
    expect(live, "one");
    nothing(a, b, live);
  }

  private void away() throws Exception {
    consumer("Consumer.A.VirtualTopic.AWAY").close();
    publish("VirtualTopic.AWAY", "one", "two");
    expect(consumer("Consumer.A.VirtualTopic.AWAY"), "one", "two");
  }

  private void shared() throws Exception {
    String name = "Consumer.A.VirtualTopic.SHARED?consumer.prefetchSize=1";
    MessageConsumer first = consumer(name);
    MessageConsumer second = consumer(name);
    publish("VirtualTopic.SHARED", "one", "two");
    Set<String> texts = new TreeSet<>(List.of(text(first), text(second)));
    equal(texts, Set.of("one", "two"));
    nothing(first, second);
  }

  private void prefix() throws Exception {
    MessageConsumer own = consumer("VT.A.EVENTS.X");
    MessageConsumer standard = consumer("Consumer.A.EVENTS.X");
    publish("EVENTS.X", "one");
    expect(own, "one");
    nothing(standard);
  }

  private void selectorAware() throws Exception {
    MessageConsumer eu = session.createConsumer(session.createQueue("Consumer.A.AWARE.X"), "region = 'eu'");
    MessageProducer producer = session.createProducer(session.createTopic("AWARE.X"));
    for (String region : List.of("us", "eu")) producer.send(inRegion(region));
    expect(eu, "eu");
    nothing(eu);
    equal(browsed("Consumer.A.AWARE.X"), List.of());
  }

  // --- composites of the broker

  private void compositeQueue() throws Exception {
    MessageConsumer in = consumer("IN.ONLY");
    MessageConsumer a = consumer("OUT.A");
    MessageConsumer b = listener("OUT.B");
    send("IN.ONLY", "one");
    ActiveMQMessage message = (ActiveMQMessage) a.receive(PATIENCE_MS);
    equal(message.getJMSDestination().toString(), "queue://OUT.A");
    equal(message.getOriginalDestination().toString(), "queue://IN.ONLY");
    expect(b, "one");
    nothing(in, a, b);
  }

  private void forwardToo() throws Exception {
    send("IN.TOO", "one");
    expect(consumer("IN.TOO"), "one");
    expect(consumer("OUT.C"), "one");
  }

  private void compositeTopic() throws Exception {
    MessageConsumer in = listener("IN.TOPIC");
    MessageConsumer e = listener("OUT.E");
    publish("IN.TOPIC", "one");
    expect(consumer("OUT.D"), "one");
    expect(e, "one");
    nothing(in);
  }

  private void filtered() throws Exception {
    MessageProducer producer = session.createProducer(session.createQueue("IN.FILTERED"));
    TextMessage both = inRegion("eu");
    both.setIntProperty("size", 11);
    for (TextMessage each : List.of(both, inRegion("eu"), inRegion("us"))) producer.send(each);
    MessageConsumer eu = consumer("OUT.EU");
    MessageConsumer big = consumer("OUT.BIG");
    expect(eu, "eu", "eu");
    expect(big, "eu");
    nothing(eu, big, consumer("IN.FILTERED"));
  }

  private void notMatched() throws Exception {
    MessageProducer producer = session.createProducer(session.createQueue("IN.REST"));
    for (String region : List.of("us", "eu")) producer.send(inRegion(region));
    MessageConsumer us = consumer("OUT.US");
    MessageConsumer rest = consumer("IN.REST");
    expect(us, "us");
    expect(rest, "eu");
    nothing(us, rest);
  }

  // --- lists

  private void sendToList() throws Exception {
    MessageConsumer live = listener("LIST.C");
    send("LIST.A,LIST.B,topic://LIST.C", "one");
    Message a = consumer("LIST.A").receive(PATIENCE_MS);
    equal(a.getJMSDestination().toString(), "queue://LIST.A");
    expect(consumer("LIST.B"), "one");
    expect(live, "one");
  }

  private void consumeList() throws Exception {
    MessageConsumer both = consumer("LIST.D,LIST.E");
    send("LIST.D", "one");
    send("LIST.E", "two");
    equal(new TreeSet<>(List.of(text(both), text(both))), Set.of("one", "two"));
    nothing(both);
  }

  private void listInTransaction() throws Exception {
    Session transacted = connection.createSession(true, Session.SESSION_TRANSACTED);
    MessageProducer producer = transacted.createProducer(transacted.createQueue("LIST.F,LIST.G"));
    producer.send(transacted.createTextMessage("undone"));
    transacted.rollback();
    producer.send(transacted.createTextMessage("one"));
    MessageConsumer f = consumer("LIST.F");
    MessageConsumer g = consumer("LIST.G");
    nothing(f, g);
    transacted.commit();
    expect(f, "one");
    expect(g, "one");
    nothing(f, g);
  }

  private void browseList() throws Exception {
    send("LIST.H", "one");
    send("LIST.I", "two");
    equal(new TreeSet<>(browsed("LIST.H,LIST.I")), Set.of("one", "two"));
  }

  // --- wildcards

  private void wildcardQueues() throws Exception {
    MessageConsumer one = consumer("WILD.ONE.*");
    send("WILD.ONE.A", "one");
    expect(one, "one");
    send("WILD.ONE.A.B", "deep");
    send("WILD.ONE", "flat");
    nothing(one);
    MessageConsumer rest = consumer("WILD.ONE.>");
    equal(new TreeSet<>(List.of(text(rest), text(rest))), Set.of("deep", "flat"));
  }

  private void laterQueues() throws Exception {
    MessageConsumer wild = consumer("WILD.LATER.>");
    MessageConsumer live = listener("WILD.LATER.>");
    send("WILD.LATER.NEW", "one");
    publish("WILD.LATER.NEW", "two");
    expect(wild, "one");
    expect(live, "two");
  }

  private void overlappingQueues() throws Exception {
    MessageConsumer one = consumer("WILD.SHARED.*?consumer.prefetchSize=1");
    MessageConsumer other = consumer("WILD.>?consumer.prefetchSize=1");
    send("WILD.SHARED.A", "one", "two");
    equal(new TreeSet<>(List.of(text(one), text(other))), Set.of("one", "two"));
    nothing(one, other);
  }

  private void overlappingTopics() throws Exception {
    MessageConsumer one = listener("WILD.T.*");
    MessageConsumer other = listener("WILD.T.>");
    publish("WILD.T.A", "one");
    expect(one, "one");
    expect(other, "one");
    nothing(one, other);
  }

  private void wildcardOrder() throws Exception {
    List<String> sent = new ArrayList<>();
    for (int number = 0; number < 50; number++) {
      for (String name : List.of("A", "B")) sent.add(name + number);
    }
    for (String text : sent) send("WILD.ORDER." + text.charAt(0), text);
    MessageConsumer wild = consumer("WILD.ORDER.*");
    List<String> received = new ArrayList<>();
    for (int count = 0; count < sent.size(); count++) received.add(text(wild));
    for (String name : List.of("A", "B")) equal(startingWith(name, received), startingWith(name, sent));
    nothing(wild);
  }

  private void sendToWildcard() throws Exception {
    refused(JMSException.class, () -> send("WILD.*", "one"));
  }

  private void browseWildcard() throws Exception {
    send("WILD.SHOWN.A", "one");
    send("WILD.SHOWN.B", "two");
    equal(new TreeSet<>(browsed("WILD.SHOWN.*")), Set.of("one", "two"));
  }

  // --- temporary destinations

  private void requestReply() throws Exception {
    answer(session.createTemporaryQueue());
  }

  private void topicReply() throws Exception {
    answer(session.createTemporaryTopic());
  }

  private void answer(Destination replies) throws Exception {
    MessageConsumer answers = session.createConsumer(replies);
    TextMessage request = session.createTextMessage("question");
    request.setJMSReplyTo(replies);
    session.createProducer(session.createQueue("REQUESTS")).send(request);
    Connection other = started();
    try {
      Session service = other.createSession(false, Session.AUTO_ACKNOWLEDGE);
      Message asked = service.createConsumer(service.createQueue("REQUESTS")).receive(PATIENCE_MS);
      service.createProducer(asked.getJMSReplyTo()).send(service.createTextMessage("answer"));
      expect(answers, "answer");
    } finally {
      other.close();
    }
  }

  private void foreignConsumer() throws Exception {
    TemporaryQueue temporary = session.createTemporaryQueue();
    Connection other = started();
    try {
      Session stranger = other.createSession(false, Session.AUTO_ACKNOWLEDGE);
      refused(InvalidDestinationException.class, () -> stranger.createConsumer(temporary));
    } finally {
      other.close();
    }
  }

  private void deleteInUse() throws Exception {
    TemporaryQueue temporary = session.createTemporaryQueue();
    MessageConsumer consumer = session.createConsumer(temporary);
    refused(JMSException.class, temporary::delete);
    session.createProducer(temporary).send(session.createTextMessage("one"));
    expect(consumer, "one");
    consumer.close();
    temporary.delete();
  }

  private void goneWithConnection() throws Exception {
    Connection owner = started();
    TemporaryQueue temporary = owner.createSession(false, Session.AUTO_ACKNOWLEDGE).createTemporaryQueue();
    MessageProducer producer = session.createProducer(null);
    producer.send(temporary, session.createTextMessage("one"));
    owner.close();
    refusedSoon(() -> producer.send(temporary, session.createTextMessage("two")));
  }

  private void deleted() throws Exception {
    TemporaryQueue temporary = session.createTemporaryQueue();
    MessageProducer producer = session.createProducer(null);
    producer.send(temporary, session.createTextMessage("one"));
    temporary.delete();
    refusedSoon(() -> producer.send(temporary, session.createTextMessage("two")));
  }

  // --- options in names

  private void prefetchOption() throws Exception {
    MessageConsumer one = consumer("OPTION.PREFETCH?consumer.prefetchSize=1");
    MessageConsumer rest = consumer("OPTION.PREFETCH?consumer.prefetchSize=100");
    send("OPTION.PREFETCH", "1", "2", "3", "4");
    equal(new TreeSet<>(List.of(text(rest), text(rest), text(rest))).size(), 3);
    nothing(rest);
    text(one);
  }

  private void exclusiveOption() throws Exception {
    MessageConsumer first = consumer("OPTION.EXCLUSIVE?consumer.exclusive=true");
    MessageConsumer second = consumer("OPTION.EXCLUSIVE?consumer.exclusive=true");
    send("OPTION.EXCLUSIVE", "1", "2", "3");
    expect(first, "1", "2", "3");
    nothing(second);
  }

  private void priorityOption() throws Exception {
    MessageConsumer low = consumer("OPTION.PRIORITY?consumer.priority=1");
    MessageConsumer high = consumer("OPTION.PRIORITY?consumer.priority=9");
    send("OPTION.PRIORITY", "1", "2");
    expect(high, "1", "2");
    nothing(low);
  }

  private void selectorOption() throws Exception {
    MessageConsumer eu = consumer("OPTION.SELECTOR?consumer.selector=region%3D'eu'");
    MessageProducer producer = session.createProducer(session.createQueue("OPTION.SELECTOR"));
    for (String region : List.of("us", "eu")) producer.send(inRegion(region));
    expect(eu, "eu");
    nothing(eu);
  }

  private void noLocalOption() throws Exception {
    MessageConsumer others = listener("OPTION.LOCAL?consumer.noLocal=true");
    publish("OPTION.LOCAL", "own");
    Connection other = started();
    try {
      Session foreign = other.createSession(false, Session.AUTO_ACKNOWLEDGE);
      foreign.createProducer(foreign.createTopic("OPTION.LOCAL")).send(foreign.createTextMessage("foreign"));
      expect(others, "foreign");
    } finally {
      other.close();
    }
  }

  private void otherOptions() throws Exception {
    String options = "?consumer.dispatchAsync=false&consumer.retroactive=true&consumer.maximumPendingMessageLimit=5";
    MessageConsumer queue = consumer("OPTION.OTHER" + options);
    MessageConsumer topic = listener("OPTION.OTHER" + options);
    send("OPTION.OTHER", "one");
    publish("OPTION.OTHER", "two");
    expect(queue, "one");
    expect(topic, "two");
  }

  private void unknownOption() throws Exception {
    refused(JMSException.class, () -> consumer("OPTION.UNKNOWN?consumer.colour=red"));
  }

  // --- mirrored queues

  private void mirror() throws Exception {
    MessageConsumer shown = listener("VirtualTopic.Mirror.MIRRORED");
    MessageConsumer kept = consumer("Consumer.A.VirtualTopic.Mirror.MIRRORED");
    send("MIRRORED", "one");
    expect(consumer("MIRRORED"), "one");
    expect(shown, "one");
    expect(kept, "one");
    nothing(shown, kept);
  }

  // --- what scenarios are made of

  private Connection started() throws JMSException {
    Connection started = factory.createConnection();
    started.start();
    return started;
  }

  private MessageConsumer consumer(String queue) throws JMSException {
    return session.createConsumer(session.createQueue(queue));
  }

  private MessageConsumer listener(String topic) throws JMSException {
    return session.createConsumer(session.createTopic(topic));
  }

  private void send(String queue, String... texts) throws JMSException {
    sendAll(session.createQueue(queue), texts);
  }

  private void publish(String topic, String... texts) throws JMSException {
    sendAll(session.createTopic(topic), texts);
  }

  private void sendAll(Destination to, String... texts) throws JMSException {
    MessageProducer producer = session.createProducer(to);
    for (String text : texts) producer.send(session.createTextMessage(text));
    producer.close();
  }

  private TextMessage inRegion(String region) throws JMSException {
    TextMessage message = session.createTextMessage(region);
    message.setStringProperty("region", region);
    return message;
  }

  private List<String> browsed(String queue) throws JMSException {
    List<String> texts = new ArrayList<>();
    QueueBrowser browser = session.createBrowser(session.createQueue(queue));
    Enumeration<?> messages = browser.getEnumeration();
    while (messages.hasMoreElements()) texts.add(((TextMessage) messages.nextElement()).getText());
    browser.close();
    return texts;
  }

  private static List<String> startingWith(String start, Collection<String> texts) {
    return texts.stream().filter(text -> text.startsWith(start)).toList();
  }

  private static String text(MessageConsumer consumer) throws JMSException {
    TextMessage message = (TextMessage) consumer.receive(PATIENCE_MS);
    return message == null ? "nothing" : message.getText();
  }

  private static void expect(MessageConsumer consumer, String... texts) throws JMSException {
    for (String text : texts) equal(text(consumer), text);
  }

  private static void nothing(MessageConsumer... consumers) throws JMSException {
    for (MessageConsumer consumer : consumers) {
      Message message = consumer.receive(SILENCE_MS);
      if (message != null) throw new AssertionError("nothing expected, got " + message);
    }
  }

  private static void refused(Class<?> kind, Scenario attempt) throws Exception {
    try {
      attempt.run();
    } catch (JMSException refusal) {
      if (kind.isInstance(refusal)) return;
      throw refusal;
    }
    throw new AssertionError("it was allowed");
  }

  /** The client learns by an advisory that a temporary destination is gone, so a few sends may pass before. */
  private static void refusedSoon(Scenario send) throws Exception {
    long until = System.nanoTime() + PATIENCE_MS * 1_000_000;
    while (System.nanoTime() < until) {
      try {
        send.run();
      } catch (JMSException refusal) {
        return;
      }
    }
    throw new AssertionError("sends are taken still");
  }

  private static void equal(Object actual, Object expected) {
    if (!expected.equals(actual)) throw new AssertionError("expected " + expected + ", got " + actual);
  }
}
