import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import org.apache.activemq.command.ActiveMQTextMessage;
import org.apache.activemq.filter.BooleanExpression;
import org.apache.activemq.filter.MessageEvaluationContext;
import org.apache.activemq.filter.NonCachedMessageEvaluationContext;
import org.apache.activemq.selector.SelectorParser;

/**
 * What ActiveMQ itself says of selectors. Reads lines of a file: {@code M name:type:value …} is a
 * message, {@code S selector} a selector; names and texts are in Base64. Prints for each selector
 * {@code invalid}, or a character for each message: {@code y} matches, {@code n} does not, {@code e}
 * fails.
 */
public final class SelectorOracle {
    public static void main(String[] args) throws Exception {
        List<ActiveMQTextMessage> messages = new ArrayList<>();
        for (String line : Files.readAllLines(Path.of(args[0]))) {
            String rest = line.length() > 2 ? line.substring(2) : "";
            if (line.startsWith("M")) {
                messages.add(message(rest));
            } else {
                System.out.println(verdicts(text(rest), messages));
            }
        }
    }

    private static String verdicts(String selector, List<ActiveMQTextMessage> messages) {
        BooleanExpression expression;
        try {
            expression = SelectorParser.parse(selector);
        } catch (Exception invalid) {
            return "invalid";
        }
        StringBuilder verdicts = new StringBuilder();
        for (ActiveMQTextMessage message : messages) {
            MessageEvaluationContext context = new NonCachedMessageEvaluationContext();
            context.setMessageReference(message);
            try {
                verdicts.append(expression.matches(context) ? 'y' : 'n');
            } catch (Exception failed) {
                verdicts.append('e');
            }
        }
        return verdicts.toString();
    }

    private static ActiveMQTextMessage message(String properties) throws Exception {
        ActiveMQTextMessage message = new ActiveMQTextMessage();
        for (String property : properties.split(" ")) {
            if (property.isEmpty()) continue;
            String[] parts = property.split(":", -1);
            message.setProperty(text(parts[0]), value(parts[1], text(parts[2])));
        }
        return message;
    }

    private static Object value(String type, String text) {
        switch (type) {
            case "boolean":
                return Boolean.valueOf(text);
            case "byte":
                return Byte.valueOf(text);
            case "short":
                return Short.valueOf(text);
            case "int":
                return Integer.valueOf(text);
            case "long":
                return Long.valueOf(text);
            case "float":
                return Float.valueOf(text);
            case "double":
                return Double.valueOf(text);
            default:
                return text;
        }
    }

    private static String text(String base64) {
        return new String(Base64.getDecoder().decode(base64), StandardCharsets.UTF_8);
    }
}
