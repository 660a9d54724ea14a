import java.util.Base64;
import org.apache.hadoop.fs.Path;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.hadoop.ParquetReader;
import org.apache.parquet.hadoop.example.GroupReadSupport;
import org.apache.parquet.schema.GroupType;
import org.apache.parquet.schema.OriginalType;
import org.apache.parquet.schema.PrimitiveType;
import org.apache.parquet.schema.Type;

/** Prints the rows of Parquet files as lines of JSON, as parquet-mr reads them. Binaries are in base64. */
public final class Read {
    public static void main(String[] files) throws Exception {
        StringBuilder out = new StringBuilder();
        for (String file : files) {
            try (ParquetReader<Group> reader = ParquetReader.builder(new GroupReadSupport(), new Path(file)).build()) {
                for (Group row; (row = reader.read()) != null; ) {
                    out.setLength(0);
                    group(out, row);
                    System.out.println(out);
                }
            }
        }
    }

    static void group(StringBuilder out, Group g) {
        GroupType type = g.getType();
        char before = '{';
        for (int i = 0; i < type.getFieldCount(); i++) {
            out.append(before);
            before = ',';
            text(out, type.getFieldName(i));
            out.append(':');
            if (g.getFieldRepetitionCount(i) == 0) {
                out.append("null");
            } else {
                value(out, g, i, type.getType(i));
            }
        }
        out.append('}');
    }

    static void value(StringBuilder out, Group g, int field, Type type) {
        OriginalType annotation = type.getOriginalType();
        if (annotation == OriginalType.LIST) {
            Group list = g.getGroup(field, 0);
            out.append('[');
            for (int i = 0; i < list.getFieldRepetitionCount(0); i++) {
                out.append(i > 0 ? "," : "");
                Group element = list.getGroup(0, i);
                value(out, element, 0, element.getType().getType(0));
            }
            out.append(']');
        } else if (annotation == OriginalType.MAP) {
            Group map = g.getGroup(field, 0);
            out.append('{');
            for (int i = 0; i < map.getFieldRepetitionCount(0); i++) {
                out.append(i > 0 ? "," : "");
                Group pair = map.getGroup(0, i);
                text(out, pair.getString(0, 0));
                out.append(':');
                value(out, pair, 1, pair.getType().getType(1));
            }
            out.append('}');
        } else if (!type.isPrimitive()) {
            group(out, g.getGroup(field, 0));
        } else if (type.asPrimitiveType().getPrimitiveTypeName() != PrimitiveType.PrimitiveTypeName.BINARY) {
            out.append(g.getValueToString(field, 0));
        } else if (annotation == null) {
            text(out, Base64.getEncoder().encodeToString(g.getBinary(field, 0).getBytes()));
        } else {
            text(out, g.getString(field, 0));
        }
    }

    static void text(StringBuilder out, String s) {
        out.append('"');
        for (char c : s.toCharArray()) {
            if (c == '"' || c == '\\') {
                out.append('\\').append(c);
            } else if (c < ' ' || Character.isSurrogate(c) || c > '~') {
                out.append(String.format("\\u%04x", (int) c));
            } else {
                out.append(c);
            }
        }
        out.append('"');
    }
}
