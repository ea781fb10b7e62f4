package whippymock;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class JsonTest {
    @Test
    void everyKindOfValueIsRead() {
        Map<String, Object> expected = new LinkedHashMap<>();
        expected.put("text", "a\"\\/\n\u00fc\u20ac");
        expected.put("numbers", List.of(new BigDecimal("-1.5e3"), new BigDecimal("0")));
        expected.put("flags", List.of(true, false));
        expected.put("nothing", null);
        expected.put("empty", List.of(Map.of(), new ArrayList<>()));
        String json =
                " {\"text\": \"a\\\"\\\\\\/\\n\\u00fc€\", \"numbers\" : [-1.5e3, 0],"
                        + "\"flags\":[true,false],\"nothing\":null,\"empty\":[{ },[ ]]}\n";
        assertEquals(expected, Json.read(json));
    }

    @Test
    void aValueThatIsWrittenIsReadAgain() {
        Map<String, Object> value = new LinkedHashMap<>();
        value.put("a \"quoted\" \\ key", List.of("line\nbreak", "\u0001", "ü"));
        value.put("nested", Map.of("number", new BigDecimal("2.5"), "flag", true));
        value.put("nothing", null);
        assertEquals(value, Json.read(Json.write(value)));
    }

    @Test
    void aTextThatIsNotJsonIsRefusedWithItsPlace() {
        List<String> texts =
                List.of("", "{", "[1,]", "{\"a\" 1}", "tru", "\"\\u12", "1 2", "<html>");
        for (String text : texts) {
            assertThrows(JsonException.class, () -> Json.read(text), text);
        }
        var error = assertThrows(JsonException.class, () -> Json.read("[1, x]"));
        assertEquals("not JSON at character 4: `x]`", error.getMessage());
    }
}
